import { existsSync, readFileSync, readlinkSync } from "node:fs";

/** What /proc says of a process. */
interface ProcessStat {
  readonly state: string;
  readonly threads: number;
  /** Clock ticks since boot, as text. */
  readonly startTicks: string;
}

/** Fields 3, 20 and 22 of /proc/<pid>/stat, see proc(5); undefined when there is no such process, or no /proc. */
function processStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The second field is the program's name in parentheses, and may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, startTicks] = [fields[0], fields[19]];
  if (state === undefined || startTicks === undefined) return undefined;
  return { state, threads: Number(fields[17]), startTicks };
}

/** The kernel that runs, until its next boot: a text that only compares for equality. Undefined outside Linux. */
export function bootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return undefined;
  }
}

/** What pids are numbers in: a container has its own. As {@link bootId}. */
export function pidNamespace(): string | undefined {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return undefined;
  }
}

function startTimeOf({ startTicks }: ProcessStat): string {
  return [startTicks, pidNamespace(), bootId()].join(" ");
}

/**
 * When a running process was started: a text that only compares for equality. It never equals that of another
 * process: not of one that has the same pid later, after the next boot, or in another container. Undefined where there
 * is no /proc.
 */
export function processStartTime(pid: number): string | undefined {
  const stat = processStat(pid);
  return stat && startTimeOf(stat);
}

/**
 * Whether the process that had `pid` and `startTime` still runs. A zombie whose threads are gone does not: it has let go
 * of everything. With no start time, or no /proc, whether any process has that pid.
 */
export function isRunning(pid: number, startTime: string | undefined): boolean {
  if (existsSync("/proc/self/stat")) {
    const stat = processStat(pid);
    // While other threads of a zombie end, its files are open and locked.
    if (stat === undefined || stat.state === "X" || (stat.state === "Z" && stat.threads <= 1)) return false;
    return startTime === undefined || startTimeOf(stat) === startTime;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

import { existsSync, readFileSync, readlinkSync } from "node:fs";

/** What /proc says of a process. */
interface ProcessStat {
  readonly state: string;
  readonly threads: number;
  /** Clock ticks since boot, as text. */
  readonly startTicks: string;
}

/** A file of /proc; undefined when it does not exist. Throws when that cannot be told, for lack of file descriptors. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (lacksDescriptors(error)) throw error;
    return undefined;
  }
}

/** Whether a file could not be opened because this process, or the whole system, has too many open. */
function lacksDescriptors(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EMFILE" || error.code === "ENFILE");
}

/** Fields 3, 20 and 22 of /proc/<pid>/stat, see proc(5); undefined when there is no such process, or no /proc. */
function processStat(pid: number): ProcessStat | undefined {
  const text = readProc(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field is the program's name in parentheses, and may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, startTicks] = [fields[0], fields[19]];
  if (state === undefined || startTicks === undefined) return undefined;
  return { state, threads: Number(fields[17]), startTicks };
}

/** The kernel that runs, until its next boot: a text that only compares for equality. Undefined outside Linux. */
export function bootId(): string | undefined {
  return readProc("/proc/sys/kernel/random/boot_id")?.trim();
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

function isSame(stat: ProcessStat | undefined, startTime: string | undefined): boolean {
  // While other threads of a zombie end, its files are open and locked.
  if (stat === undefined || stat.state === "X" || (stat.state === "Z" && stat.threads <= 1)) return false;
  return startTime === undefined || startTimeOf(stat) === startTime;
}

/**
 * Whether the process that had `pid` and `startTime` still runs. A zombie whose threads are gone does not: it has let go
 * of everything. With no start time, or no /proc, whether any process has that pid. Likewise while this process has no file
 * descriptor left to look: a store that runs must not be taken for dead.
 */
export function isRunning(pid: number, startTime: string | undefined): boolean {
  try {
    if (existsSync("/proc/self/stat")) return isSame(processStat(pid), startTime);
  } catch (error) {
    if (!lacksDescriptors(error)) throw error;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

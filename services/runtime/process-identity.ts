import { existsSync, readFileSync } from "node:fs";

/** Which process a pid means: pids are given out again, a pid with its start time is not until the next boot. */
interface ProcessStat {
  readonly state: string;
  /** Clock ticks since boot, as text. */
  readonly startTime: string;
}

/** Field 3 and 22 of /proc/<pid>/stat, see proc(5); undefined when there is no such process, or no /proc. */
function processStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The second field is the program's name in parentheses, and may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, startTime] = [fields[0], fields[19]];
  return state === undefined || startTime === undefined ? undefined : { state, startTime };
}

/** When a running process was started: a text that only compares for equality. Undefined where there is no /proc. */
export function processStartTime(pid: number): string | undefined {
  return processStat(pid)?.startTime;
}

/**
 * Whether the process that had `pid` and `startTime` still runs. A zombie does not: it has let go of everything. With
 * no start time, or no /proc, whether any process has that pid.
 */
export function isRunning(pid: number, startTime: string | undefined): boolean {
  if (existsSync("/proc/self/stat")) {
    const stat = processStat(pid);
    if (stat === undefined || stat.state === "Z" || stat.state === "X") return false;
    return startTime === undefined || stat.startTime === startTime;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

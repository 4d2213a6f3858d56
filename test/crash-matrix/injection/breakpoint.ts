import { writeSync } from "node:fs";
import type { StepName } from "../steps.js";

/** Where a process stops itself, once. */
export interface Breakpoint {
  readonly step: StepName;
  /** Right before the commit, or right after it and before anybody hears of it. */
  readonly when: "before" | "after";
  /** The how many-eth time, from 1. */
  readonly nth: number;
}

/** The pipe on which a process tells its test what it does: the channel of signals is one way only. */
export const reportFd = 3;

let armed: Breakpoint | undefined;
let left = 0;

function report(line: string): void {
  writeSync(reportFd, `${line}\n`);
}

/** Takes a breakpoint, or that there is none, over the process's IPC channel. Keeps nothing alive. */
export function listenForBreakpoints(): void {
  process.on("message", (message: Breakpoint | "none") => {
    armed = message === "none" ? undefined : message;
    left = armed?.nth ?? 0;
    report("armed");
  });
  process.channel?.unref();
}

/** A step was come by. At the breakpoint the whole process stops here, as by Ctrl-Z, until it gets SIGCONT. */
export function passStep(step: StepName, when: Breakpoint["when"]): void {
  if (armed?.step !== step || armed.when !== when) return;
  left -= 1;
  if (left > 0) return;
  armed = undefined;
  report(`stopped ${step}`);
  process.kill(process.pid, "SIGSTOP");
}

/** Runs a commit between the moments before and after its steps. */
export async function passCommit<T>(passed: readonly StepName[], commit: () => Promise<T>): Promise<T> {
  for (const step of passed) passStep(step, "before");
  const result = await commit();
  for (const step of passed) passStep(step, "after");
  return result;
}

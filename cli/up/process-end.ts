import { setTimeout as delay } from "node:timers/promises";
import { isRunning } from "../../services/runtime/process-identity.js";

/** A process by more than its pid, which the system gives to another one later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Undefined where the system does not tell. */
  readonly startTime: string | undefined;
}

/** Milliseconds between two looks at a process that shall end. */
const pollMs = 50;

/**
 * Asks a process to end (SIGTERM), waits up to `graceMs`, then ends it (SIGKILL). Resolves when it is gone, with
 * whether it ended by itself. A process that is gone already has.
 */
export async function stopProcess({ pid, startTime }: ProcessIdentity, graceMs: number): Promise<boolean> {
  if (!isRunning(pid, startTime)) return true;
  signalProcess(pid, "SIGTERM");
  if (await waitForEnd(pid, startTime, graceMs)) return true;
  signalProcess(pid, "SIGKILL");
  await waitForEnd(pid, startTime, graceMs);
  return false;
}

async function waitForEnd(pid: number, startTime: string | undefined, timeoutMs: number): Promise<boolean> {
  const endMs = performance.now() + timeoutMs;
  while (isRunning(pid, startTime)) {
    if (performance.now() >= endMs) return false;
    await delay(pollMs);
  }
  return true;
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It ended in the meantime.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

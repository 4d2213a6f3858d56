import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { EkvError } from "../../core/errors.js";
import type { Clock } from "../../core/ports/clock.js";
import { isRunning, processStartTime } from "../../runtime/process-identity.js";

const adoptedPollMs = 500;
const pollMs = 25;
const termMs = 10_000;
const logTailBytes = 4096;
const logTailLines = 8;

/** How a process ended; null: not known, or by a signal. */
export interface ChildExit {
  readonly status: number | null;
  readonly reason: string;
}

/** A store process that was started, here or by a former master. */
export interface ChildRun {
  readonly pid: number;
  readonly startTime: string | undefined;
  readonly startedMs: number;
  /** How long its log was before. */
  readonly logStart: number;
  /** Resolves when the process is gone; never after `unwatch`. */
  readonly exited: Promise<ChildExit>;
  unwatch(): void;
}

/**
 * Starts `node <args>` so that it outlives this process, with its output appended to `logPath`, or dropped where that
 * cannot be opened. Rejects with `FAILED_PRECONDITION` when the process cannot be started.
 */
export async function startChild(args: readonly string[], logPath: string, clock: Clock): Promise<ChildRun> {
  // A full disk must not keep a store down.
  const log = await open(logPath, "a").catch(() => undefined);
  try {
    const logStart = (await log?.stat())?.size ?? 0;
    const output = log?.fd ?? "ignore";
    const child = spawn(process.execPath, args, { detached: true, stdio: ["ignore", output, output] });
    const exited = new Promise<ChildExit>((resolve) => {
      child.once("error", (error) => resolve({ status: null, reason: error.message }));
      child.once("exit", (status, signal) =>
        resolve({ status, reason: signal === null ? `status ${status}` : `signal ${signal}` }),
      );
    });
    if (child.pid === undefined) {
      const { reason } = await exited;
      throw new EkvError("FAILED_PRECONDITION", `cannot start ${process.execPath}: ${reason}`, {
        notExecuted: true,
      });
    }
    child.unref();
    const startTime = processStartTime(child.pid);
    return { pid: child.pid, startTime, startedMs: clock.nowMs(), logStart, exited, unwatch: () => {} };
  } finally {
    await log?.close();
  }
}

/** Watches a process that a former master started. How it ends cannot be learnt, only that it does. */
export function adoptProcess(pid: number, startTime: string | undefined, clock: Clock): ChildRun {
  let unwatched = false;
  const exited = new Promise<ChildExit>((resolve) => {
    const poll = (): void => {
      if (unwatched) return;
      if (isRunning(pid, startTime)) clock.setTimer(adoptedPollMs, poll);
      else resolve({ status: null, reason: "unknown status" });
    };
    poll();
  });
  const unwatch = (): void => {
    unwatched = true;
  };
  return { pid, startTime, startedMs: clock.nowMs(), logStart: 0, exited, unwatch };
}

function signal(pid: number, name: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** Ends a process: SIGTERM, and SIGKILL after 10 s. Resolves when it is gone. */
export async function endProcess(process: Pick<ChildRun, "pid" | "startTime">, clock: Clock): Promise<void> {
  const { pid, startTime } = process;
  if (!isRunning(pid, startTime)) return;
  signal(pid, "SIGTERM");
  const killMs = clock.nowMs() + termMs;
  let killed = false;
  // Not the clock's timer: that one would let this process exit before its stores have.
  for (; isRunning(pid, startTime); await delay(pollMs)) {
    if (killed || clock.nowMs() < killMs) continue;
    killed = true;
    signal(pid, "SIGKILL");
  }
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (accepted: boolean): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
  });
}

/** Resolves when something listens there, or `waitMs` have passed, or `signal` is aborted. */
export async function untilListening(
  host: string,
  port: number,
  waitMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  const endMs = clock.nowMs() + waitMs;
  while (!signal.aborted && clock.nowMs() < endMs) {
    if (await accepts(reachable, port)) return;
    await delay(pollMs);
  }
}

/** The last lines of a log after `from`, on one line, for an error message; empty where there is none. */
export async function logTail(logPath: string, from: number): Promise<string> {
  const log = await open(logPath, "r").catch(() => undefined);
  if (log === undefined) return "";
  try {
    const { size } = await log.stat();
    const start = Math.max(from, size - logTailBytes);
    const { buffer, bytesRead } = await log.read(Buffer.alloc(logTailBytes), 0, logTailBytes, start);
    const lines = buffer
      .toString("utf8", 0, bytesRead)
      .split("\n")
      .filter((line) => line.trim() !== "");
    return lines.slice(-logTailLines).join(" | ");
  } finally {
    await log.close();
  }
}

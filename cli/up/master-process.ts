import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { EkvError } from "../../services/core/errors.js";
import type { Environment } from "../output.js";
import { backoffs } from "../../services/core/limits.js";
import { Backoff } from "../../services/core/retry/backoff.js";
import { processStartTime } from "../../services/runtime/process-identity.js";
import { systemRandom } from "../../services/runtime/random.js";
import { serverFlags } from "../../services/runtime/server-flags.js";
import { stopProcess, type ProcessIdentity } from "./process-end.js";

/** The exit status of a master that refuses its settings, port or data: starting it again would not help. */
const refusedStatus = 2;
/** A master that ran this long is started again at once, in milliseconds. */
const steadyMs = 30_000;
/** How long a master may take to end, in milliseconds. */
const stopGraceMs = 15_000;
/** How far back in the log the reason of an end is looked for. */
const logTailBytes = 16_384;

/** How a master is run. */
export interface MasterOptions {
  /** Its main.js. */
  readonly script: string;
  /** Read anew at every start: --create belongs to the first alone. */
  readonly args: () => readonly string[];
  readonly environment: Environment;
  /** Where its stdout and stderr go. */
  readonly logPath: string;
  readonly onStart: (master: ProcessIdentity) => Promise<void>;
  /** Told when it died and is started again. */
  readonly onRestart: (text: string) => void;
}

/** A master that is started again whenever it dies. */
export interface SupervisedMaster {
  /** Rejects when it cannot run: `INVALID_ARGUMENT` with its own words when it refused. Resolves when it was stopped. */
  readonly ended: Promise<void>;
  /** From now on a refusal is no reason to give up: it has run with these settings. */
  confirm(): void;
  /** Ends it, by SIGKILL if it takes too long. */
  stop(): Promise<void>;
}

/** Starts a master and keeps it running. */
export function superviseMaster(options: MasterOptions): SupervisedMaster {
  const stopping = new AbortController();
  let current: ProcessIdentity | undefined;
  let confirmed = false;
  const supervise = async (): Promise<void> => {
    const backoff = new Backoff(backoffs.masterRestart, systemRandom);
    while (!stopping.signal.aborted) {
      const startedMs = performance.now();
      const exit = await runOnce(options, stopping.signal, (identity) => {
        current = identity;
      }).catch(notStarted);
      current = undefined;
      if (stopping.signal.aborted) return;
      if (exit.status === refusedStatus && !confirmed) {
        throw new EkvError(
          "INVALID_ARGUMENT",
          exit.reason ?? `the master refused to start; see ${options.logPath}`,
        );
      }
      const wasSteady = performance.now() - startedMs > steadyMs;
      if (wasSteady) backoff.succeeded();
      const pauseMs = wasSteady ? 0 : backoff.failed();
      options.onRestart(`The master died (${exit.how}); starting it again. Its log: ${options.logPath}`);
      await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const ended = supervise();
  // Whoever holds the master awaits it; until then a rejection is no crash.
  ended.catch(() => undefined);
  return {
    ended,
    confirm() {
      confirmed = true;
    },
    async stop() {
      stopping.abort();
      if (current) await stopProcess(current, stopGraceMs);
      await ended.catch(() => undefined);
    },
  };
}

interface Exit {
  readonly status: number | null;
  /** `exit status 1`, `signal SIGKILL`. */
  readonly how: string;
  /** The last line it logged in this run. */
  readonly reason: string | undefined;
}

/** What a run ends with that could not even begin, for the machine is short of something. It is tried again. */
function notStarted(error: unknown): Exit {
  const how = error instanceof Error ? error.message : String(error);
  return { status: null, how, reason: undefined };
}

/** One run, in a process group of its own, so that a terminal's Ctrl-C reaches it only through us. */
async function runOnce(
  options: MasterOptions,
  stopping: AbortSignal,
  onIdentity: (identity: ProcessIdentity) => void,
): Promise<Exit> {
  const args = options.args();
  // A full disk must not keep the master down.
  const log = await open(options.logPath, "a").catch(() => undefined);
  try {
    const size = (await log?.stat())?.size ?? 0;
    const output = log?.fd ?? "ignore";
    const child = spawn(process.execPath, [...serverFlags, options.script, ...args], {
      detached: true,
      stdio: ["ignore", output, output],
      env: options.environment,
    });
    const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    // Both are awaited below; one may reject while the other is waited for.
    exited.catch(() => undefined);
    if (child.pid !== undefined) {
      const identity = { pid: child.pid, startTime: processStartTime(child.pid) };
      onIdentity(identity);
      await options.onStart(identity);
      if (stopping.aborted) await stopProcess(identity, stopGraceMs);
    }
    const [status, signal] = await exited;
    const how = signal === null ? `exit status ${status}` : `signal ${signal}`;
    const reason = await lastMessage(options.logPath, size).catch(() => undefined);
    return { status, how, reason };
  } finally {
    await log?.close();
  }
}

/** The message of the last line after `from`, be it JSON or text. */
async function lastMessage(path: string, from: number): Promise<string | undefined> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const start = Math.max(from, size - logTailBytes);
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(Math.max(0, size - start)),
      0,
      size - start,
      start,
    );
    const line = buffer.toString("utf8", 0, bytesRead).trimEnd().split("\n").at(-1);
    return line === undefined || line === "" ? undefined : messageOf(line);
  } finally {
    await file.close();
  }
}

function messageOf(line: string): string {
  try {
    const { message } = JSON.parse(line) as { readonly message?: unknown };
    return typeof message === "string" ? message : line;
  } catch {
    // What it says when it does not start.
    return line.replace(/^error: /, "");
  }
}

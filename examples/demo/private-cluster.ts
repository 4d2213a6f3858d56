import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isRunning } from "../../services/runtime/process-identity.js";

/** A cluster that belongs to this process, with its data in a temporary folder. */
export interface PrivateCluster {
  /** host:port of its master. */
  readonly seed: string;
  /** Ends its processes and deletes its data. Harmless when called again. */
  stop(): Promise<void>;
}

const startTimeoutMs = 60_000;
/** How long a cluster may take to stop by itself before its processes are killed. */
const stopGraceMs = 20_000;
const pollMs = 50;
const portAttemptsMax = 100;
/** How much of what `ekv up` said on stderr is shown when it does not start. */
const stderrCharactersMax = 4000;

/** `dist/cli/main.js`, seen from `dist/examples/demo/`. */
const cliScript = fileURLToPath(new URL("../../cli/main.js", import.meta.url));

/** Starts `ekv up` with so many stores on a free port, and waits until it is ready. */
export async function startPrivateCluster(stores: number, signal: AbortSignal): Promise<PrivateCluster> {
  const folder = await mkdtemp(join(tmpdir(), "elastic-kv-demo-"));
  const port = await freePort();
  const args = ["up", "--stores", `${stores}`, "--data", folder, "--port", `${port}`, "--json"];
  // A process group of its own: Ctrl-C reaches the cluster through us alone, after the clients have stopped.
  const child = spawn(process.execPath, [cliScript, ...args], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const killAll = (): void => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    killRecorded(folder);
  };
  const atExit = (): void => {
    killAll();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once("exit", atExit);
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await waitForEnd(child, stopGraceMs);
    killAll();
    await waitForEnd(child, stopGraceMs);
    process.removeListener("exit", atExit);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const stopOnce = (): Promise<void> => (stopping ??= stop());
  try {
    await untilReady(child, AbortSignal.any([signal, AbortSignal.timeout(startTimeoutMs)]));
  } catch (error) {
    await stopOnce();
    throw error;
  }
  return { seed: `127.0.0.1:${port}`, stop: stopOnce };
}

/** Resolves when the one line on stdout, a JSON object, says that the cluster serves. */
async function untilReady(child: ChildProcess, signal: AbortSignal): Promise<void> {
  let stdout = "";
  let stderr = "";
  const line = await new Promise<string>((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new Error(`ekv up ${why}${stderr === "" ? "" : `:\n${stderr}`}`));
    child.once("error", reject);
    child.once("exit", (status, killer) => fail(`ended with ${killer ?? `status ${status}`}`));
    const giveUp = (): void => fail(`was not ready: ${(signal.reason as Error).message}`);
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-stderrCharactersMax);
    });
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (stdout.includes("\n")) resolve(stdout);
    });
  });
  const { ready } = JSON.parse(line) as { readonly ready?: boolean };
  if (ready !== true) throw new Error(`ekv up is not whole: ${line.trimEnd()}`);
}

async function waitForEnd(child: ChildProcess, timeoutMs: number): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    if (performance.now() > endMs) return;
    await delay(pollMs);
  }
}

/**
 * Kills what is left of a cluster whose `ekv up` could not stop it: the processes noted in its data folder, as
 * `up.json` (the master) and `<store>/process.json`. The master first, since it starts stores again.
 */
function killRecorded(folder: string): void {
  const stores = namesIn(folder).map((name) => join(folder, name, "process.json"));
  for (const path of [join(folder, "up.json"), ...stores]) {
    const recorded = readRecord(path);
    // Without its start time a pid may be anybody's by now.
    if (typeof recorded?.pid !== "number" || recorded.startTime === undefined) continue;
    if (isRunning(recorded.pid, String(recorded.startTime))) process.kill(recorded.pid, "SIGKILL");
  }
}

interface ProcessRecord {
  readonly pid?: number;
  readonly startTime?: string | number;
}

function readRecord(path: string): ProcessRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as ProcessRecord;
  } catch {
    // No such file: nothing was started there. Half a file: its process was being started, and has no parent now.
    return undefined;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Deleted already.
    return [];
  }
}

/**
 * A free port for the master. Above 65,000 `ekv up` lets its stores take any free port; below, it gives them the ports
 * that follow, of which an outgoing connection might have one by the time that a store is added.
 */
async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < portAttemptsMax; attempt += 1) {
    const port = randomInt(65_001, 65_536);
    if (await isFree(port)) return port;
  }
  throw new Error("no free port between 65,001 and 65,535");
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

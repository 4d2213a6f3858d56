import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { serverFlags } from "../../services/runtime/server-flags.js";

const outputCharactersMax = 4_000_000;
const stopGraceMs = 15_000;

/** A process that a bench started. */
export interface Child {
  readonly pid: number;
  /** Writes a line to its stdin. */
  say(text: string): void;
  /** Ends its stdin. */
  endInput(): void;
  /** Resolves with the first line on stdout that matches; rejects when the process ends without one. */
  line(pattern: RegExp): Promise<string>;
  /** SIGTERM, then SIGKILL; resolves when it has ended. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when it has ended. */
  kill(): Promise<void>;
  /** Resolves with everything that was on stdout, up to a limit; rejects when it ended with a failure. */
  readonly output: Promise<string>;
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Where this build was compiled to. */
const ownDist = fileURLToPath(new URL("../..", import.meta.url));

/** Path of a compiled program, seen from `dist`: that of this build, unless another is given. */
export function program(path: string, dist: string = ownDist): string {
  return join(dist, path);
}

/** How programs of this repository are run. */
export interface NodeOptions {
  /** Each process writes a CPU profile to this folder when it ends: `store-1.cpuprofile`. */
  readonly profileFolder?: string | undefined;
  /** Folder of the compiled programs. Default: that of this build. */
  readonly dist?: string;
}

let profiles = 0;

/** Runs a compiled program of this repository. */
export function startNode(
  path: string,
  args: readonly string[],
  options: NodeOptions = {},
  flags: readonly string[] = [],
): Child {
  return startProgram(process.execPath, [
    ...flags,
    ...profileArgs(path, options),
    program(path, options.dist),
    ...args,
  ]);
}

/** As {@link startNode}, with the flags that servers run with. */
export function startServer(path: string, args: readonly string[], options?: NodeOptions): Child {
  return startNode(path, args, options, serverFlags);
}

function profileArgs(path: string, { profileFolder }: NodeOptions): string[] {
  if (profileFolder === undefined) return [];
  profiles += 1;
  const name = `${basename(dirname(path))}-${profiles}.cpuprofile`;
  return ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`, `--cpu-prof-name=${name}`];
}

/** Runs any program. What it says on stderr is shown if it fails. */
export function startProgram(command: string, args: readonly string[]): Child {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
  running.add(child);
  let stdout = "";
  let stderr = "";
  let stopping = false;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout = (stdout + text).slice(-outputCharactersMax);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-outputCharactersMax);
  });
  const closed = once(child, "close").finally(() => running.delete(child));
  const output = closed.then(([status, signal]: unknown[]) => {
    if (status === 0 || stopping) return stdout;
    throw new Error(`${command} ended with ${String(signal ?? status)}: ${stderr || stdout}`);
  });
  // Whoever waits for it gets the failure; until then it is no crash.
  output.catch(() => undefined);
  const line = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const found = stdout.split("\n").find((text) => pattern.test(text));
      if (found !== undefined) return found;
      const ended = await Promise.race([
        once(child.stdout, "data").then(() => false),
        closed.then(() => true),
      ]);
      if (ended) throw new Error(`${command} ended without ${pattern.source}: ${stderr || stdout}`);
    }
  };
  const stop = async (): Promise<void> => {
    stopping = true;
    child.kill("SIGTERM");
    const killer = setTimeout(() => child.kill("SIGKILL"), stopGraceMs);
    await closed.catch(() => undefined);
    clearTimeout(killer);
  };
  const kill = async (): Promise<void> => {
    stopping = true;
    child.kill("SIGKILL");
    await closed.catch(() => undefined);
  };
  // Who has gone does not listen; how it ended is told by `output`.
  child.stdin.on("error", () => undefined);
  return {
    pid: child.pid ?? 0,
    say: (text) => void child.stdin.write(`${text}\n`),
    endInput: () => void child.stdin.end(),
    line,
    stop,
    kill,
    output,
  };
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { serverFlags } from "../../services/runtime/server-flags.js";
import { type Child, childOf, compiled } from "../support/children.js";
import { waitFor } from "../support/wait-for.js";
import { type Breakpoint, reportFd } from "./injection/breakpoint.js";

/** A server that stops itself at breakpoints. */
export interface InjectedProcess extends Child {
  /** Makes it stop once at a breakpoint, or never; resolves when it has understood. */
  arm(breakpoint: Breakpoint | "none"): Promise<void>;
  /** Resolves when it stands at the breakpoint; rejects when it ends before, or `signal` is aborted. */
  stopped(signal: AbortSignal): Promise<void>;
  /** What it wrote to its standard error. */
  readonly errors: readonly string[];
}

const preload = compiled("../crash-matrix/injection/preload.js");

/** Runs a server's program with the modules of `injection/` in place. */
export function runInjected(program: string, args: readonly string[]): InjectedProcess {
  const started = spawn(process.execPath, [...serverFlags, "--import", preload, program, ...args], {
    stdio: ["ignore", "pipe", "pipe", "pipe", "ipc"],
    // As a launcher does: Ctrl-C is for the test, which ends its servers itself.
    detached: true,
  });
  const { stdout, stderr } = started;
  if (stdout === null || stderr === null) throw new Error("a pipe is missing");
  const child = childOf(Object.assign(started, { stdout }));
  const errors: string[] = [];
  createInterface({ input: stderr }).on("line", (line) => errors.push(line));
  const reports: string[] = [];
  const reader = createInterface({ input: started.stdio[reportFd] as Readable });
  reader.on("line", (line) => reports.push(line));
  const reported = async (prefix: string, signal?: AbortSignal): Promise<void> => {
    for (;;) {
      const found = reports.findIndex((line) => line.startsWith(prefix));
      if (found >= 0) {
        reports.splice(found, 1);
        return;
      }
      const next = once(reader, "line", signal === undefined ? {} : { signal });
      const over = await Promise.race([next.then(() => false), child.ended.then(() => true)]);
      if (over && reports.length === 0) throw new Error(`the process ended before it was ${prefix}`);
    }
  };
  return {
    ...child,
    errors,
    arm: async (breakpoint) => {
      started.send(breakpoint);
      await reported("armed");
    },
    stopped: async (signal) => {
      await reported("stopped", signal);
      await untilStopped(child);
    },
  };
}

/** SIGSTOP; resolves when every thread of it stands still. */
export async function pause(child: Child): Promise<void> {
  child.process.kill("SIGSTOP");
  await untilStopped(child);
}

/** SIGCONT. */
export function resume(child: Child): void {
  child.process.kill("SIGCONT");
}

async function untilStopped({ process: { pid } }: Child): Promise<void> {
  await waitFor(`process ${pid} to stand still`, () => stateOf(pid) === "T");
}

/** The state letter of proc(5); undefined: there is no such process. */
function stateOf(pid: number | undefined): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2)[0];
  } catch {
    return undefined;
  }
}

/** Whether it runs, or stands still: it has not ended. */
export function isThere(child: Child): boolean {
  return child.process.exitCode === null && child.process.signalCode === null;
}

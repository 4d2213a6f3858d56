import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { serverFlags } from "../../services/runtime/server-flags.js";

/** A Node process that a test started; it speaks in lines. */
export interface Child {
  readonly process: ChildProcess;
  readonly lines: string[];
  /** Resolves with the first line that has the prefix; rejects when the process ends without one. */
  line(prefix: string): Promise<string>;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  readonly ended: Promise<void>;
}

/** Path of a compiled file, seen from the compiled `test/support`. */
export function compiled(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}

/** Runs a compiled program with arguments. */
export function runNode(program: string, args: readonly string[], flags: readonly string[] = []): Child {
  return childOf(
    spawn(process.execPath, [...flags, program, ...args], { stdio: ["ignore", "pipe", "inherit"] }),
  );
}

/** Runs a server's program with arguments, as launchers do. */
export function runServer(program: string, args: readonly string[]): Child {
  return runNode(program, args, serverFlags);
}

/** A {@link Child} of a process whose standard output is a pipe. */
export function childOf(child: ChildProcess & { readonly stdout: Readable }): Child {
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => lines.push(line));
  const ended = Promise.all([once(child, "exit"), once(reader, "close")]).then(() => undefined);
  const line = async (prefix: string): Promise<string> => {
    for (;;) {
      const found = lines.find((text) => text.startsWith(prefix));
      if (found !== undefined) return found;
      const over = await Promise.race([once(reader, "line").then(() => false), ended.then(() => true)]);
      if (over && !lines.some((text) => text.startsWith(prefix))) {
        throw new Error(`the child ended without "${prefix}": ${lines.join(" / ")}`);
      }
    }
  };
  return {
    process: child,
    lines,
    line,
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
    ended,
  };
}

/** Waits until a condition holds; rejects with what it was after `waitMs`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  waitMs = 120_000,
): Promise<void> {
  const endMs = performance.now() + waitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`waited ${waitMs} ms for: ${what}`);
    await delay(10);
  }
}

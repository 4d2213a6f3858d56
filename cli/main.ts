#!/usr/bin/env node
import { createWriteStream, fstatSync } from "node:fs";
import type { Writable } from "node:stream";
import { exitCodes, type ExitCode } from "./exit-codes.js";
import { streamOutput } from "./output.js";
import { runCommandLine } from "./run.js";

/** How long a command may take to end after Ctrl-C, in milliseconds, unless it ends gracefully. */
const interruptGraceMs = 1500;

const interrupt = new AbortController();
let graceful = false;

function onInterrupt(): void {
  const again = interrupt.signal.aborted;
  interrupt.abort();
  if (graceful) return;
  if (again) process.exit(exitCodes.interrupted);
  setTimeout(() => process.exit(exitCodes.interrupted), interruptGraceMs).unref();
}

/**
 * Standard output or error. Node's own stream takes a short write to a file for a whole one, so that a disk that fills
 * up cuts the output without an error.
 */
function standardStream(fd: 1 | 2, stream: Writable): Writable {
  return fstatSync(fd).isFile() ? createWriteStream("", { fd, autoClose: false }) : stream;
}

process.on("SIGINT", onInterrupt);
process.on("SIGTERM", onInterrupt);
// A command without a terminal, under nohup or a service manager, has none to lose. Node takes back that nohup ignores the signal.
process.on("SIGHUP", () => {
  if (process.stdin.isTTY) onInterrupt();
});

const exitCode: ExitCode = await runCommandLine(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: streamOutput(standardStream(1, process.stdout), process.env),
  stderr: streamOutput(standardStream(2, process.stderr), process.env, { lossy: true }),
  environment: process.env,
  signal: interrupt.signal,
  onGraceful: () => {
    graceful = true;
  },
});
process.exit(exitCode);

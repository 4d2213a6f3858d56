#!/usr/bin/env node
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

/** A reader that has seen enough (`| head`) ends the command, quietly. */
function onOutputError(error: NodeJS.ErrnoException): void {
  process.exit(error.code === "EPIPE" ? exitCodes.ok : exitCodes.failed);
}

process.on("SIGINT", onInterrupt);
process.on("SIGTERM", onInterrupt);
process.on("SIGHUP", onInterrupt);
process.stdout.on("error", onOutputError);
process.stderr.on("error", onOutputError);

const exitCode: ExitCode = await runCommandLine(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: streamOutput(process.stdout, process.env),
  stderr: streamOutput(process.stderr, process.env),
  environment: process.env,
  signal: interrupt.signal,
  onGraceful: () => {
    graceful = true;
  },
});
// What is still buffered for a slow reader goes out before the end.
process.stdout.write("", () => process.exit(exitCode));

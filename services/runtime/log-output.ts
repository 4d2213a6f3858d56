import { fstatSync, writeSync } from "node:fs";
import { Writable } from "node:stream";

const standardOutput = 1;

/**
 * Standard output, for log lines. A line that cannot be written is dropped, for the disk is full or the reader has gone:
 * the service matters more than its log. Lines after it are written again as soon as that is possible, which Node's own
 * stream over a file, destroyed by its first error, does not do.
 */
export function openLogOutput(): Writable {
  if (fstatSync(standardOutput).isFile()) return new Writable({ decodeStrings: false, write: writeLine });
  process.stdout.on("error", () => undefined);
  return process.stdout;
}

function writeLine(line: string | Uint8Array, _encoding: string, done: () => void): void {
  try {
    // A line that a filling disk cuts short stays as it is.
    if (typeof line === "string") writeSync(standardOutput, line);
    else writeSync(standardOutput, line);
  } catch {
    // Dropped.
  }
  done();
}

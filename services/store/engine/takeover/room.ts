import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { EkvError } from "../../../core/errors.js";
import { limits } from "../../../core/limits.js";
import { freeDiskBytes } from "../../../runtime/storage-error.js";
import { entryHeaderBytes } from "../log/layout.js";

/** What a takeover is to find room for. */
export interface RoomNeeded {
  /** Of the former data: what its pages hold is never more. */
  readonly bytes: number;
  readonly records: number;
  /** The log that takes it over; what it holds is there already. */
  readonly logPath: string;
  /** Bytes that stay free. */
  readonly diskReserveBytes: number;
}

const mebibyte = 1_048_576;

function bytesIn(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

/** Throws `RESOURCE_EXHAUSTED` unless a log can hold the former data, and the disk both side by side. */
export function requireRoom({ bytes, records, logPath, diskReserveBytes }: RoomNeeded): void {
  const copied = bytes + records * entryHeaderBytes;
  if (copied > limits.takeoverBytesMax) throw tooMuch(copied, logPath);
  const needed = copied + diskReserveBytes - bytesIn(logPath);
  const free = freeDiskBytes(logPath);
  if (free >= needed) return;
  throw new EkvError(
    "RESOURCE_EXHAUSTED",
    `taking over the data of a former version into ${logPath} needs ${Math.ceil(needed / mebibyte)} MiB, and ` +
      `${Math.floor(free / mebibyte)} MiB are free: free some on that disk or enlarge it, then start the store again; the old files ` +
      "are as they were",
    { notExecuted: true },
  );
}

function tooMuch(copied: number, logPath: string): EkvError {
  const gibibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 30)} GiB`;
  return new EkvError(
    "RESOURCE_EXHAUSTED",
    `the data of a former version is ${gibibytes(copied)}, and ${logPath} can take over ${gibibytes(limits.takeoverBytesMax)} at most: start the ` +
      "former version again, add stores until each has less, then update",
    { notExecuted: true },
  );
}

import { statfsSync } from "node:fs";
import { constants } from "node:os";
import { EkvError } from "../core/errors.js";
import { unusableFolder } from "./folder.js";

/** Codes of errors for want of room: those of LMDB, which the master uses, are numbers, those of Node's file functions names. */
const noRoom: ReadonlySet<unknown> = new Set([-30792, 28, 122, "ENOSPC", "EDQUOT"]);
const inputOutput: ReadonlySet<unknown> = new Set([5, "EIO"]);
/** A write that the file system cut short can be reported as an I/O error; so little space left says why it was. */
const nearlyFullBytes = 1_048_576;

/** Bytes that this process may still write to the file system of `path`. */
export function freeDiskBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** Bytes of the file system of `path`, used or not. */
export function diskBytes(path: string): number {
  const { blocks, bsize } = statfsSync(path);
  return blocks * bsize;
}

/**
 * The error for a disk without room: what happened and what to do about it.
 *
 * @param details `reserveBytes`: what is to stay free. Default: the disk itself had no room.
 */
export function diskFull(
  path: string,
  { reserveBytes, cause }: { readonly reserveBytes?: number; readonly cause?: unknown } = {},
): EkvError {
  const reserve =
    reserveBytes === undefined ? "" : ` (${Math.round(reserveBytes / 1_048_576)} MiB stay free)`;
  return new EkvError(
    "RESOURCE_EXHAUSTED",
    `no space left for the data in ${path}${reserve}: free some on that disk, enlarge it, or add a store`,
    { notExecuted: true, cause },
  );
}

/** The error for data whose file is not where it was: what is written to it would not be found again. */
export function dataGone(path: string): EkvError {
  return new EkvError(
    "FAILED_PRECONDITION",
    `the data in ${path} was deleted or moved away while a process used it, so nothing is written: bring the folder or its ` +
      "volume back; if that is impossible, export what can still be read before the process is stopped",
    { notExecuted: true },
  );
}

function errorCode(cause: unknown): unknown {
  return cause instanceof Error && "code" in cause ? cause.code : undefined;
}

function isNearlyFull(path: string): boolean {
  try {
    return freeDiskBytes(path) < nearlyFullBytes;
  } catch {
    return false; // The folder cannot even be asked: an I/O error then.
  }
}

/**
 * What a failed write to the storage in `path` means: `RESOURCE_EXHAUSTED` for a full disk, quota or map, else `INTERNAL`.
 * Nothing of it was committed. An EkvError is handed back as it is.
 */
export function storageError(path: string, cause: unknown): EkvError {
  if (cause instanceof EkvError) return cause;
  const code = errorCode(cause);
  if (noRoom.has(code)) return diskFull(path, { cause });
  if (inputOutput.has(code) && isNearlyFull(path)) return diskFull(path, { cause });
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EkvError("INTERNAL", `the storage in ${path} failed: ${reason}`, { notExecuted: true, cause });
}

/** LMDB gives a system error by its number, Node by its name. */
const systemNames: ReadonlyMap<unknown, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

/**
 * What it means that a storage engine cannot open the folder `path`: as {@link storageError} for a disk that is full or fails;
 * `FAILED_PRECONDITION`, saying what is wrong, for a folder that does not let it.
 */
export function storageOpenError(path: string, cause: unknown): EkvError {
  const code = errorCode(cause);
  const name = typeof code === "string" && code in constants.errno ? code : systemNames.get(code);
  if (name === undefined || noRoom.has(code) || inputOutput.has(code)) {
    return storageError(path, cause);
  }
  return unusableFolder(path, name, cause);
}

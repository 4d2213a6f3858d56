import { mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { EkvError } from "../core/errors.js";
import { systemErrorName, systemReason } from "./system-reason.js";

/**
 * What a system error about a data folder means: `FAILED_PRECONDITION` that names the folder and what is wrong with it.
 * An error that is none of the system's is handed back as it is.
 */
export function folderError(folder: string, error: unknown): unknown {
  const name = systemErrorName(error);
  return name === undefined ? error : unusableFolder(folder, name, error);
}

/** The error for a data folder that a system error, given by its name, keeps from being used. */
export function unusableFolder(folder: string, name: string, cause: unknown): EkvError {
  const message = `the data folder ${folder} cannot be used: ${systemReason(name) ?? name}`;
  return new EkvError("FAILED_PRECONDITION", message, { notExecuted: true, cause });
}

/**
 * Makes the names in a folder survive a power loss, such as those of files that were made or renamed. (Of a file, `fsync`
 * flushes what it contains.)
 */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } catch (error) {
    // A file system that cannot flush a folder has nothing to flush.
    if (!["EINVAL", "ENOTSUP"].includes(systemErrorName(error) ?? "")) throw error;
  } finally {
    await handle.close();
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    // A symbolic link to nothing.
    if (systemErrorName(error) === "ENOENT") return false;
    throw error;
  }
}

function refusesFolder(folder: string, cause: unknown): EkvError {
  return new EkvError(
    "FAILED_PRECONDITION",
    `${folder} cannot be made: ${dirname(folder)} takes no new folders`,
    {
      notExecuted: true,
      cause,
    },
  );
}

/**
 * Makes a folder, and those above it, unless it is there. `mkdir` with `recursive` says the same ENOENT or EEXIST for
 * very different troubles; this rejects with what is wrong.
 */
async function make(folder: string, hasParent = false): Promise<void> {
  try {
    await mkdir(folder);
    await syncFolder(dirname(folder));
  } catch (error) {
    const name = systemErrorName(error);
    if (name === "ENOENT" && dirname(folder) !== folder) {
      // The folder above is there, and takes none: it is of the system, as /proc is.
      if (hasParent) throw refusesFolder(folder, error);
      await make(dirname(folder));
      await make(folder, true);
    } else if (name !== "EEXIST") throw error;
    else if (!(await isFolder(folder))) {
      throw new EkvError("FAILED_PRECONDITION", `${folder} is not a folder`, {
        notExecuted: true,
        cause: error,
      });
    }
  }
}

/** Makes a data folder unless it is there, so that it survives a power loss. Rejects as {@link folderError} says. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await make(folder);
  } catch (error) {
    throw folderError(folder, error);
  }
}

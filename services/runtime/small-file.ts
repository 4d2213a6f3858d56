import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder } from "./folder.js";
import { systemErrorName } from "./system-reason.js";

/**
 * Replaces a small file as a whole, so that a crash or a power loss leaves the old content or the new one. On a full disk the text is
 * written over an old file of about this size, which takes no room: then a crash in the middle can damage it.
 */
export async function replaceSmallFile(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  try {
    await writeFile(draft, text, { flush: true });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    if (!isFull(error)) throw error;
    await overwrite(path, text, error);
    return;
  }
  await syncFolder(dirname(path));
}

async function overwrite(path: string, text: string, full: unknown): Promise<void> {
  let file;
  try {
    file = await open(path, "r+");
  } catch {
    throw full; // There is no old file.
  }
  try {
    const bytes = Buffer.from(text);
    const { bytesWritten } = await file.write(bytes, 0, bytes.length, 0);
    await file.truncate(bytesWritten);
    await file.sync();
    if (bytesWritten < bytes.length) throw full;
  } finally {
    await file.close();
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

/**
 * The text of a small file. Undefined when there is none, and when a power loss left a file whose content was never
 * written: empty, or filled with zeros. Rejects with a system error when it cannot be read.
 */
export async function readSmallFile(path: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, "utf8");
    return /^[\s\0]*$/.test(text) ? undefined : text;
  } catch (error) {
    const name = systemErrorName(error);
    if (name === "ENOENT" || name === "ENOTDIR") return undefined;
    throw error;
  }
}

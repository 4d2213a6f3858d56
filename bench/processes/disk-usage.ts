import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

const blockBytes = 512;

/** Bytes that a folder's files take on the disk; holes in them take none. */
export async function diskBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).blocks * blockBytes;
  }
  return bytes;
}

import { execFileSync } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";

/** Why a test that mounts a file system is skipped; false: it can. In CI it must. */
export const noMount: string | false = (() => {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && process.env["CI"] === "true")
    throw new Error("mounting takes root, and a CI run skips no test");
  return isRoot ? false : "mounting a small file system takes root";
})();

/** Mounts a file system in memory on an empty folder; `options` as of mount(8), such as `size=24m`. */
export function mountSmallDisk(path: string, options: string): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]);
}

/** Undoes {@link mountSmallDisk}, though processes may still use it. */
export function unmountSmallDisk(path: string): void {
  execFileSync("umount", ["--lazy", path]);
}

/** Takes what room there is on a file system, to the last byte, with a file at `path`. */
export function fillDisk(path: string): void {
  const file = openSync(path, "w");
  for (let piece = Buffer.alloc(1 << 20, 1); piece.length > 0;) {
    try {
      writeSync(file, piece);
    } catch {
      piece = piece.subarray(0, piece.length >> 1);
    }
  }
  closeSync(file);
}

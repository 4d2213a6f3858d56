import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { LogFile, LogFolder } from "../../services/store/engine/log/log-folder.js";

/** Bytes that nobody else sees. */
class ImageFile implements LogFile {
  #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  write(from: Uint8Array, position: number, start?: number, end?: number): void {
    const bytes = from.subarray(start, end);
    const size = position + bytes.length;
    if (size > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], size);
    this.#bytes.set(bytes, position);
  }

  read(into: Uint8Array, position: number): number {
    const found = this.#bytes.subarray(position, position + into.length);
    into.set(found);
    return found.length;
  }

  load(into: Uint8Array, position: number): Promise<number> {
    return Promise.resolve(this.read(into, position));
  }

  size(): number {
    return this.#bytes.length;
  }

  truncate(size: number): void {
    this.#bytes = this.#bytes.subarray(0, size);
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    // Holds nothing.
  }
}

/**
 * The segments of a log as they are now, in memory: an engine that is opened on them changes nothing on the disk, so that the log
 * of a process that runs can be looked at. Without its checkpoint, which may be of a later moment. Throws `ENOENT` when a segment
 * leaves meanwhile.
 */
export function imageOfLog(path: string): LogFolder {
  const names = readdirSync(path).filter((name) => name.endsWith(".log"));
  // In order: a segment is written to until the next one begins.
  const files = new Map(
    names.toSorted().map((name) => [name, new ImageFile(readFileSync(join(path, name)))]),
  );
  const open = (name: string): ImageFile => {
    const file = files.get(name);
    if (file === undefined) throw new Error(`there is no ${name}`);
    return file;
  };
  return {
    path,
    list: () => [...files.keys()],
    create: (name) => {
      const file = new ImageFile(Buffer.alloc(0));
      files.set(name, file);
      return file;
    },
    open,
    rename: (from, to) => {
      files.set(to, open(from));
      files.delete(from);
    },
    remove: (name) => Promise.resolve(void files.delete(name)),
    sync: () => Promise.resolve(),
  };
}

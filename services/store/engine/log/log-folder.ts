import {
  closeSync,
  fdatasync,
  fstatSync,
  ftruncateSync,
  openSync,
  read,
  readdirSync,
  readSync,
  renameSync,
  unlink,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeFolder, syncFolder } from "../../../runtime/folder.js";

/** A file of the log. Writes reach the operating system at once; `sync` makes them and the file's length durable. */
export interface LogFile {
  /**
   * Writes `bytes`, or those from `start` to `end`, at `position`. Throws the system's error; what reached the file then is
   * unknown.
   */
  write(bytes: Uint8Array, position: number, start?: number, end?: number): void;
  /** Fills `into` from `position` on, as far as the file goes. Returns the number of bytes. */
  read(into: Uint8Array, position: number): number;
  /** As {@link LogFile.read}, off the event loop. */
  load(into: Uint8Array, position: number): Promise<number>;
  /** Bytes in the file. */
  size(): number;
  truncate(size: number): void;
  /** Makes what was written so far survive a power loss, off the event loop. Rejects with the system's error. */
  sync(): Promise<void>;
  close(): void;
}

/** The folder of a log. What `create`, `rename` and `remove` did survives a power loss once `sync` has resolved. */
export interface LogFolder {
  /** For messages. */
  readonly path: string;
  list(): string[];
  /** Throws when the name is taken. */
  create(name: string): LogFile;
  open(name: string): LogFile;
  /** Replaces what had the name `to`. */
  rename(from: string, to: string): void;
  /** Off the event loop. A file that is open stays readable. */
  remove(name: string): Promise<void>;
  sync(): Promise<void>;
}

const datasync = promisify(fdatasync);
const readAsync = promisify(read);
const unlinkAsync = promisify(unlink);

class DiskFile implements LogFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(bytes: Uint8Array, position: number, start = 0, end: number = bytes.length): void {
    for (let at = start; at < end;) {
      at += writeSync(this.#descriptor, bytes, at, end - at, position + at - start);
    }
  }

  read(into: Uint8Array, position: number): number {
    for (let filled = 0; ;) {
      const count = readSync(this.#descriptor, into, filled, into.length - filled, position + filled);
      filled += count;
      if (count === 0 || filled === into.length) return filled;
    }
  }

  async load(into: Uint8Array, position: number): Promise<number> {
    for (let filled = 0; ;) {
      const { bytesRead } = await readAsync(
        this.#descriptor,
        into,
        filled,
        into.length - filled,
        position + filled,
      );
      filled += bytesRead;
      if (bytesRead === 0 || filled === into.length) return filled;
    }
  }

  size(): number {
    return fstatSync(this.#descriptor).size;
  }

  truncate(size: number): void {
    ftruncateSync(this.#descriptor, size);
  }

  async sync(): Promise<void> {
    await datasync(this.#descriptor);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

class DiskFolder implements LogFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  list(): string[] {
    return readdirSync(this.path);
  }

  create(name: string): LogFile {
    return new DiskFile(openSync(join(this.path, name), "wx+"));
  }

  open(name: string): LogFile {
    return new DiskFile(openSync(join(this.path, name), "r+"));
  }

  rename(from: string, to: string): void {
    renameSync(join(this.path, from), join(this.path, to));
  }

  async remove(name: string): Promise<void> {
    await unlinkAsync(join(this.path, name));
  }

  async sync(): Promise<void> {
    await syncFolder(this.path);
  }
}

/** A folder on the real file system, made unless it is there. Rejects as `makeFolder` does. */
export async function openLogFolder(path: string): Promise<LogFolder> {
  await makeFolder(path);
  return new DiskFolder(path);
}

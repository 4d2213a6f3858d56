import type { LogFile } from "../../../services/store/engine/log/log-folder.js";
import type { DiskCall, DiskFaults } from "./disk-faults.js";
import type { FileContent, RecordedDisk } from "./recorded-disk.js";
import type { Schedule } from "./schedule.js";

/** What an open file needs of the process that opened it. */
export interface FileOwner {
  readonly disk: RecordedDisk;
  readonly schedule: Schedule;
  /** Undefined: every call goes well. */
  readonly faults: DiskFaults | undefined;
  /** Throws when the process is gone. */
  check(): void;
  closed(): void;
  /** A file was used after it was closed: on a real disk its descriptor is another file's by then. */
  misused(what: string): void;
}

/** An open file of a recorded disk. Its number keeps it apart from what else had or has its name. */
export class RecordedFile implements LogFile {
  readonly #name: string;
  readonly #content: FileContent;
  readonly #owner: FileOwner;
  #isClosed = false;

  constructor(name: string, content: FileContent, owner: FileOwner) {
    this.#name = name;
    this.#content = content;
    this.#owner = owner;
  }

  write(from: Uint8Array, position: number, start?: number, end?: number): void {
    this.#check("write");
    const bytes = from.subarray(start, end);
    const error = this.#draw("write");
    if (error) {
      const count = this.#owner.faults?.bytesWritten(bytes.length) ?? 0;
      if (count > 0) this.#write(bytes.subarray(0, count), position);
      throw error;
    }
    this.#write(bytes, position);
  }

  #write(bytes: Uint8Array, position: number): void {
    const content = this.#content;
    this.#resize(Math.max(content.size, position + bytes.length));
    content.bytes.set(bytes, position);
    const { number: file } = content;
    this.#owner.disk.events.push({ kind: "write", file, position, bytes: Buffer.from(bytes) });
  }

  read(into: Uint8Array, position: number): number {
    this.#check("read");
    const { bytes, size } = this.#content;
    const end = Math.max(position, Math.min(size, position + into.length));
    into.set(bytes.subarray(position, end));
    return end - position;
  }

  load(into: Uint8Array, position: number): Promise<number> {
    this.#check("read");
    return this.#owner.schedule.later(() => this.read(into, position));
  }

  size(): number {
    this.#check("fstat");
    return this.#content.size;
  }

  truncate(size: number): void {
    this.#check("ftruncate");
    const error = this.#draw("truncate");
    if (error) throw error;
    this.#resize(size);
    this.#owner.disk.events.push({ kind: "truncate", file: this.#content.number, size });
  }

  sync(): Promise<void> {
    this.#check("fdatasync");
    return this.#owner.schedule.later(this.#owner.disk.beginSync(this.#content.number, this.#draw("sync")));
  }

  close(): void {
    this.#check("close");
    this.#isClosed = true;
    this.#owner.closed();
  }

  #draw(call: DiskCall): Error | undefined {
    return this.#owner.faults?.draw(call, this.#name);
  }

  #check(call: string): void {
    this.#owner.check();
    if (!this.#isClosed) return;
    const what = `EBADF: ${call} of ${this.#name}, which is closed`;
    this.#owner.misused(what);
    throw new Error(what);
  }

  #resize(size: number): void {
    const content = this.#content;
    if (size < content.size) content.bytes.fill(0, size, content.size);
    else if (size > content.bytes.length) {
      const bytes = Buffer.alloc(size * 2);
      content.bytes.copy(bytes);
      content.bytes = bytes;
    }
    content.size = size;
  }
}

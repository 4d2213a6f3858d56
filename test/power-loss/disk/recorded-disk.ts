import type { LogFile, LogFolder } from "../../../services/store/engine/log/log-folder.js";
import type { DiskCall, DiskFaults } from "./disk-faults.js";
import { type DiskEvent, type DiskImage, type FileNumber, folderNumber } from "./history.js";
import { RecordedFile } from "./recorded-file.js";
import type { Schedule } from "./schedule.js";

/** The bytes of a file as every process sees them. */
export interface FileContent {
  readonly number: FileNumber;
  bytes: Buffer;
  size: number;
}

function systemError(code: string, call: string, name: string): Error {
  return Object.assign(new Error(`${code}: ${call} '${name}'`), { code, syscall: call });
}

/** A disk in memory that remembers everything that happens to it. Outlives the processes that use it. */
export class RecordedDisk {
  /** What it holds before the first event, durably. */
  readonly initial: DiskImage;
  readonly events: DiskEvent[] = [];
  readonly #names = new Map<string, FileContent>();
  #files = folderNumber;
  #syncs = 0;

  constructor(initial: DiskImage = new Map()) {
    this.initial = initial;
    for (const [name, bytes] of initial) {
      this.#names.set(name, { number: (this.#files += 1), bytes: Buffer.from(bytes), size: bytes.length });
    }
  }

  /** The disk as one process sees it. Without `faults` every call goes well. */
  mount(schedule: Schedule, faults?: DiskFaults): RecordedFolder {
    return new RecordedFolder(this, schedule, faults);
  }

  names(): string[] {
    return [...this.#names.keys()].sort();
  }

  create(name: string): FileContent {
    if (this.#names.has(name)) throw systemError("EEXIST", "open", name);
    const content = { number: (this.#files += 1), bytes: Buffer.alloc(0), size: 0 };
    this.#names.set(name, content);
    this.events.push({ kind: "create", name, file: content.number });
    return content;
  }

  open(name: string): FileContent {
    const content = this.#names.get(name);
    if (!content) throw systemError("ENOENT", "open", name);
    return content;
  }

  rename(from: string, to: string): void {
    const content = this.#names.get(from);
    if (!content) throw systemError("ENOENT", "rename", from);
    this.#names.delete(from);
    this.#names.set(to, content);
    this.events.push({ kind: "rename", from, to });
  }

  remove(name: string): void {
    if (!this.#names.delete(name)) throw systemError("ENOENT", "unlink", name);
    this.events.push({ kind: "remove", name });
  }

  /** Begins to make a file, or the folder, durable; returns what ends it. `error`: what it fails with. */
  beginSync(file: FileNumber, error?: Error): () => void {
    const sync = (this.#syncs += 1);
    this.events.push({ kind: "syncBegun", sync, file });
    return () => {
      if (error) throw error;
      this.events.push({ kind: "synced", sync });
    };
  }
}

/** The folder of a {@link RecordedDisk}, for one process. */
export class RecordedFolder implements LogFolder {
  readonly path = "/disk";
  readonly #disk: RecordedDisk;
  readonly #schedule: Schedule;
  readonly #faults: DiskFaults | undefined;
  readonly #open = new Set<RecordedFile>();
  #isGone = false;
  #misuse: string | undefined;

  constructor(disk: RecordedDisk, schedule: Schedule, faults?: DiskFaults) {
    this.#disk = disk;
    this.#schedule = schedule;
    this.#faults = faults;
  }

  /** Files that the process opened and has not closed. */
  get openFiles(): number {
    return this.#open.size;
  }

  /** What the process did that it must never do, whether or not it noticed. */
  get misuse(): string | undefined {
    return this.#misuse;
  }

  list(): string[] {
    this.#check();
    return this.#disk.names();
  }

  create(name: string): LogFile {
    this.#check("create", name);
    return this.#file(name, this.#disk.create(name));
  }

  open(name: string): LogFile {
    this.#check();
    return this.#file(name, this.#disk.open(name));
  }

  rename(from: string, to: string): void {
    this.#check("rename", from);
    this.#disk.rename(from, to);
  }

  remove(name: string): Promise<void> {
    this.#check();
    return this.#schedule.later(() => {
      this.#check("remove", name);
      this.#disk.remove(name);
    });
  }

  sync(): Promise<void> {
    this.#check();
    return this.#schedule.later(
      this.#disk.beginSync(folderNumber, this.#faults?.draw("folder sync", this.path)),
    );
  }

  /** The process is gone: it changes nothing any more, and none of its files is open. */
  kill(): void {
    this.#isGone = true;
    this.#open.clear();
    this.#schedule.stop();
  }

  /** Throws when the process is gone, or the disk refuses the call. */
  #check(call?: DiskCall, name = this.path): void {
    if (this.#isGone) throw new Error("the process was killed");
    const error = call && this.#faults?.draw(call, name);
    if (error) throw error;
  }

  #file(name: string, content: FileContent): RecordedFile {
    const file = new RecordedFile(name, content, {
      disk: this.#disk,
      schedule: this.#schedule,
      faults: this.#faults,
      check: () => this.#check(),
      closed: () => this.#open.delete(file),
      misused: (what) => (this.#misuse ??= what),
    });
    this.#open.add(file);
    return file;
  }
}

import { crc32 } from "node:zlib";
import type { LogFile, LogFolder } from "../../services/store/engine/log/log-folder.js";
import { type Batch, Chain } from "./chain.js";
import type { Change, Content } from "./content.js";
import type { OpenSubject, Subject, SubjectOptions } from "./subject.js";

/** What a toy log can do wrong. */
export const flaws = [
  "acknowledges before the sync",
  "shows before the write",
  "syncs no new entry",
  "compares no checksum",
  "renames before the sync",
  "syncs nothing that it found",
] as const;

export type Flaw = (typeof flaws)[number];

const headerBytes = 8;
const logName = "toy.log";
const draftName = "toy.tmp";
const compactBytes = 24_000;

/**
 * The smallest log that survives power cuts: batches with checksums in one file, which is written anew when it is long. The
 * checkers have to pass it, and to fail it with any one of its flaws.
 */
class ToyLog implements Subject {
  readonly #folder: LogFolder;
  readonly #options: SubjectOptions;
  readonly #flaw: Flaw | undefined;
  #file: LogFile | undefined;
  #salt = 0;
  #end = headerBytes;
  #chain = new Chain();
  readonly #content = new Map<string, string>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: SubjectOptions, flaw: Flaw | undefined) {
    this.#folder = options.folder;
    this.#options = options;
    this.#flaw = flaw;
  }

  async open(): Promise<this> {
    const names = this.#folder.list();
    if (names.includes(draftName)) await this.#folder.remove(draftName);
    const file = names.includes(logName) ? this.#folder.open(logName) : undefined;
    if (file && this.#replay(file)) {
      this.#file = file;
      file.truncate(this.#end);
      if (this.#flaw !== "syncs nothing that it found") await file.sync();
    } else {
      file?.close();
      await this.#rewrite();
    }
    if (this.#flaw !== "syncs no new entry") await this.#folder.sync();
    return this;
  }

  apply(batch: Batch): Promise<void> {
    this.#chain.append(batch);
    const changes = this.#chain.changesOf(this.#chain.length - 1);
    if (this.#flaw === "shows before the write") this.#index(changes);
    return this.#enqueue(async () => {
      if (this.#end > compactBytes) await this.#rewrite();
      const file = this.#file as LogFile;
      this.#end += this.#write(file, this.#end, changes);
      const syncs = this.#options.durability === "fsync" && this.#flaw !== "acknowledges before the sync";
      if (syncs) await file.sync();
      this.#index(changes);
    });
  }

  problem(): undefined {
    return undefined;
  }

  content(): Content {
    return new Map(this.#content);
  }

  flush(): Promise<void> {
    return this.#enqueue(() => (this.#file as LogFile).sync());
  }

  close(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#file?.sync();
      this.#file?.close();
    });
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  #index(changes: readonly Change[]): void {
    for (const { name, value } of changes) {
      if (value === undefined) this.#content.delete(name);
      else this.#content.set(name, value);
    }
  }

  /** Writes what there is to a new file, which takes the place of the old one. */
  async #rewrite(): Promise<void> {
    const file = this.#folder.create(draftName);
    const salt = Math.floor(this.#options.random.fraction() * 2 ** 32);
    const header = Buffer.alloc(headerBytes);
    header.writeUInt32LE(salt, 0);
    header.writeUInt32LE(crc32(header.subarray(0, 4)), 4);
    file.write(header, 0);
    this.#salt = salt;
    const all = [...this.#content].map(([name, value]) => ({ name, value }));
    const end = headerBytes + this.#write(file, headerBytes, all);
    const renames = (): void => this.#folder.rename(draftName, logName);
    if (this.#flaw === "renames before the sync") {
      renames();
      await this.#folder.sync();
      await file.sync();
    } else {
      await file.sync();
      renames();
      if (this.#flaw !== "syncs no new entry") await this.#folder.sync();
    }
    this.#file?.close();
    this.#file = file;
    this.#end = end;
  }

  #write(file: LogFile, position: number, changes: readonly Change[]): number {
    const text = encode(changes);
    const frame = Buffer.alloc(headerBytes + text.length);
    // Zeros, where data did not arrive, are no length.
    frame.writeUInt32LE(text.length + 1, 0);
    frame.writeUInt32LE(crc32(text, (this.#salt ^ position) >>> 0), 4);
    text.copy(frame, headerBytes);
    file.write(frame, position);
    return frame.length;
  }

  /** Takes in what is whole. False: it is no log. */
  #replay(file: LogFile): boolean {
    const bytes = Buffer.alloc(file.size());
    file.read(bytes, 0);
    if (bytes.length < headerBytes || crc32(bytes.subarray(0, 4)) !== bytes.readUInt32LE(4)) return false;
    this.#salt = bytes.readUInt32LE(0);
    for (let at = headerBytes; at + headerBytes <= bytes.length;) {
      const length = bytes.readUInt32LE(at) - 1;
      const text = bytes.subarray(at + headerBytes, at + headerBytes + length);
      if (length < 0 || text.length < length) break;
      const checksum = crc32(text, (this.#salt ^ at) >>> 0);
      if (checksum !== bytes.readUInt32LE(at + 4) && this.#flaw !== "compares no checksum") break;
      this.#index(decode(text));
      at += headerBytes + length;
      this.#end = at;
    }
    this.#chain = Chain.of(this.#content);
    return true;
  }
}

/** Names and values, each after its length; nothing, as a value, is a length of -1. */
function encode(changes: readonly Change[]): Buffer {
  const pieces = changes
    .flatMap(({ name, value }) => [name, value])
    .map((text) => {
      const length = Buffer.alloc(4);
      length.writeInt32LE(text === undefined ? -1 : text.length);
      return Buffer.concat([length, Buffer.from(text ?? "", "latin1")]);
    });
  return Buffer.concat(pieces);
}

function decode(bytes: Buffer): Change[] {
  const texts: (string | undefined)[] = [];
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readInt32LE(at);
    texts.push(length < 0 ? undefined : bytes.toString("latin1", at + 4, at + 4 + length));
    at += 4 + Math.max(0, length);
  }
  const pairs = Array.from({ length: texts.length >> 1 }, (_, index) =>
    texts.slice(2 * index, 2 * index + 2),
  );
  return pairs.map(([name = "", value]) => ({ name, value }));
}

/** Opens a toy log with a flaw, or without. */
export function toyLog(flaw?: Flaw): OpenSubject {
  return (options) => new ToyLog(options, flaw).open();
}

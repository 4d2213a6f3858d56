import { EkvError } from "../../../core/errors.js";
import {
  allocateWords,
  entryHeaderBytes,
  isEntryIntact,
  isEntryWithin,
  sizeAt,
  type Words,
} from "./layout.js";
import type { LogFile } from "./log-folder.js";

/** Number of a segment from its file's name; undefined for other files. */
export function segmentNumberOf(name: string): number | undefined {
  return /^\d{10}\.log$/.test(name) ? Number(name.slice(0, 10)) : undefined;
}

/** The name of a segment's file. */
export function segmentName(number: number): string {
  return `${String(number).padStart(10, "0")}.log`;
}

/** Bytes that a read of one entry from a file asks for, before its length is known. */
const coldReadBytes = 1024;

/** An entry that was read from a file. */
export interface ColdEntry extends Words {
  /** Where it lies in the segment. */
  readonly offset: number;
  /** Whether its checksum holds. */
  readonly isIntact: boolean;
}

/** A part of the log: memory, a file, or both at once. */
export class Segment {
  readonly number: number;
  readonly salt: number;
  /** Undefined in the memory engine. */
  readonly file: LogFile | undefined;
  /** The whole of it; undefined while it is only on the disk. */
  memory: Words | undefined;
  /** Bytes written. */
  end: number;
  /** Look-ups that came here, aged: what is cold leaves memory first. */
  reads = 0;
  /** The checksums of all that is in memory were compared, or it was written by this process. */
  isVerified: boolean;
  /** Offsets of entries whose checksum was found not to hold. */
  readonly damaged: Set<number> = new Set<number>();
  readonly #path: string;
  #references = 1;
  #coldEntry: ColdEntry | undefined;

  /** @param path of its folder, for messages */
  constructor(
    path: string,
    number: number,
    salt: number,
    state: {
      readonly file: LogFile | undefined;
      readonly memory: Words | undefined;
      readonly end: number;
      readonly isVerified: boolean;
    },
  ) {
    this.#path = path;
    this.number = number;
    this.salt = salt;
    this.file = state.file;
    this.memory = state.memory;
    this.end = state.end;
    this.isVerified = state.isVerified;
  }

  /** Bytes of memory that it takes: what was never written to is not there. */
  get residentBytes(): number {
    return this.memory === undefined ? 0 : this.end;
  }

  /** Bytes that may be written to it. */
  get capacity(): number {
    return this.memory?.bytes.length ?? 0;
  }

  /** The entry at `offset`, from the file. Valid until the next call. */
  coldEntryAt(offset: number): ColdEntry {
    if (this.#coldEntry?.offset === offset) return this.#coldEntry;
    let words = this.#readAt(offset, Math.min(coldReadBytes, this.end - offset));
    const size = words.bytes.length >= entryHeaderBytes ? sizeAt(words.words, 0) : 0;
    if (size > words.bytes.length && size <= this.end - offset) words = this.#readAt(offset, size);
    const isWithin = isEntryWithin(words.words, 0, words.bytes.length);
    const isIntact = isWithin && isEntryIntact(words.words, 0, this.salt, offset);
    this.#coldEntry = { ...words, offset, isIntact };
    return this.#coldEntry;
  }

  /** Whether the checksum of the entry at `offset` holds, which is in memory. */
  isIntactAt(offset: number): boolean {
    const { memory } = this;
    if (this.isVerified || memory === undefined) return true;
    if (!isEntryWithin(memory.words, offset, this.end)) return false;
    return isEntryIntact(memory.words, offset, this.salt);
  }

  /** Some of its file. Throws when the file is shorter. */
  read(offset: number, size: number): Words {
    return this.#readAt(offset, size);
  }

  /** Reads all of it from its file, off the event loop. */
  async readWhole(): Promise<Words> {
    const whole = allocateWords(this.end);
    const count = (await this.file?.load(whole.bytes, 0)) ?? 0;
    if (count < this.end) throw this.damage(count);
    return whole;
  }

  /** Makes what was written to its file survive a power loss. */
  async sync(): Promise<void> {
    await this.file?.sync();
  }

  /** What is thrown for an entry whose checksum does not hold. */
  damage(offset: number): EkvError {
    this.damaged.add(offset);
    return new EkvError(
      "INTERNAL",
      `${this.#path}/${segmentName(this.number)} is damaged at byte ${offset}: its checksum does not hold, so what is there ` +
        "is not served; check the disk, and replace this store or bring its folder back from a backup",
      { notExecuted: true },
    );
  }

  /** One more reader, such as a snapshot: the file stays open until each has let go. */
  retain(): void {
    this.#references += 1;
  }

  release(): void {
    this.#references -= 1;
    if (this.#references > 0) return;
    this.memory = undefined;
    this.#coldEntry = undefined;
    this.file?.close();
  }

  #readAt(offset: number, size: number): Words {
    const words = allocateWords(size);
    const count = this.file?.read(words.bytes.subarray(0, size), offset) ?? 0;
    if (count < size) throw this.damage(offset + count);
    return words;
  }
}

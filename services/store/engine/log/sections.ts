import { checksumOf } from "./checksum.js";
import { allocateWords, type Words } from "./layout.js";

function filledUp(length: number): number {
  return (length + 7) & ~7;
}

/** A section is written when it holds so much. */
const sectionBytesTarget = 262_144;
const headerBytes = 8;

/**
 * Encodes numbers and bytes into sections, each with its length and checksum: 8 bytes, then its content, in which everything is
 * filled up to a multiple of 8. The last section is empty, so that a file that was cut short is noticed.
 */
export class SectionWriter {
  readonly #write: (bytes: Uint8Array) => void;
  #words: Words = allocateWords(sectionBytesTarget + 65_536);
  #at = headerBytes;

  /** @param write takes each section; it must not keep it */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  uint(value: number): void {
    this.#room(8);
    this.#words.bytes.writeDoubleLE(value, this.#at);
    this.#at += 8;
  }

  bytes(bytes: Uint8Array): void {
    this.uint(bytes.length);
    this.#room(bytes.length);
    this.#words.bytes.set(bytes, this.#at);
    const end = this.#at + filledUp(bytes.length);
    this.#words.bytes.fill(0, this.#at + bytes.length, end);
    this.#at = end;
  }

  table(table: Uint32Array): void {
    this.bytes(new Uint8Array(table.buffer, table.byteOffset, table.byteLength));
  }

  /** Whether a section is full: a good place for others to have their turn. */
  get isFull(): boolean {
    return this.#at >= sectionBytesTarget;
  }

  /** Writes what was encoded so far. */
  flush(): void {
    if (this.#at > headerBytes) this.#writeSection();
  }

  end(): void {
    this.flush();
    this.#writeSection();
  }

  #writeSection(): void {
    const { bytes, words } = this.#words;
    words[0] = this.#at - headerBytes;
    words[1] = checksumOf(words, 2, this.#at >> 2, words[0] as number);
    this.#write(bytes.subarray(0, this.#at));
    this.#at = headerBytes;
  }

  #room(bytes: number): void {
    if (this.#at + bytes + 8 <= this.#words.bytes.length) return;
    const grown = allocateWords(2 * (this.#at + bytes + 8));
    this.#words.bytes.copy(grown.bytes, 0, 0, this.#at);
    this.#words = grown;
  }
}

/** What a {@link SectionReader} throws when a section is damaged or missing. */
export class SectionDamage extends Error {
  /** Where it begins, in bytes. */
  readonly offset: number;

  constructor(offset: number) {
    super(`damaged at byte ${offset}`);
    this.offset = offset;
  }
}

/** Decodes what a {@link SectionWriter} encoded, checking each section before anything of it is believed. */
export class SectionReader {
  readonly #words: Words;
  readonly #size: number;
  #at = 0;
  #sectionEnd = 0;

  /** @param size bytes of the file, which is in `words` */
  constructor(words: Words, size: number) {
    this.#words = words;
    this.#size = size;
    this.#openSection();
  }

  uint(): number {
    return this.#words.bytes.readDoubleLE(this.#take(8));
  }

  /** A view. */
  bytes(): Buffer {
    const length = this.uint();
    const start = this.#take(length);
    return this.#words.bytes.subarray(start, start + length);
  }

  table(): Uint32Array {
    const bytes = this.bytes();
    const table = new Uint32Array(bytes.length >> 2);
    new Uint8Array(table.buffer).set(bytes);
    return table;
  }

  /** Checks that the file ends here as it should. */
  end(): void {
    if (this.#at !== this.#sectionEnd) throw new SectionDamage(this.#at);
    this.#openSection();
    if (this.#at !== this.#sectionEnd || this.#at !== this.#size) throw new SectionDamage(this.#at);
  }

  #take(length: number): number {
    if (length > 0 && this.#at === this.#sectionEnd) this.#openSection();
    const start = this.#at;
    if (!(length >= 0 && start + length <= this.#sectionEnd)) throw new SectionDamage(start);
    this.#at = start + filledUp(length);
    return start;
  }

  #openSection(): void {
    const start = this.#at;
    const { words } = this.#words;
    if (start + headerBytes > this.#size) throw new SectionDamage(start);
    const length = words[start >> 2] as number;
    const end = start + headerBytes + length;
    if (length < 0 || length % 8 !== 0 || end > this.#size) throw new SectionDamage(start);
    if (words[(start >> 2) + 1] !== checksumOf(words, (start >> 2) + 2, end >> 2, length)) {
      throw new SectionDamage(start);
    }
    this.#at = start + headerBytes;
    this.#sectionEnd = end;
  }
}

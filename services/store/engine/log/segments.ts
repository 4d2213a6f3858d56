import { assertInvariant, type EkvError } from "../../../core/errors.js";
import { entryHeaderBytes, keyBytesAt, recordBytesAt, sizeAt, type Words } from "./layout.js";
import type { Segment } from "./segment.js";

/** Bits of a position that say where in a segment an entry begins, in steps of 8 bytes; the others are its slot. */
const offsetBits = 20;
const offsetMask = (1 << offsetBits) - 1;
/** Segments that a log has at most at a time. */
export const segmentsMax: number = 2 ** (32 - offsetBits);
/** Bytes of a segment at most, but for one that holds a single longer entry. */
export const segmentBytesMax: number = 8 << offsetBits;

/**
 * Where an entry lies, in 32 bits: the number of its segment modulo {@link segmentsMax}, then its offset. Never 0: a segment
 * begins with its header.
 */
export type Position = number;

export function positionOf(segment: Segment, offset: number): Position {
  return (((segment.number % segmentsMax) << offsetBits) | (offset >>> 3)) >>> 0;
}

/** The offset of an entry in its segment, from its position. */
function offsetOf(position: Position): number {
  return (position & offsetMask) << 3;
}

/** The segments that positions lead to, and reading entries through them. */
export class SegmentMap {
  readonly #slots: (Segment | undefined)[] = [];
  /** What {@link locate} found: the entry's bytes, and where it begins in them. */
  bytes: Buffer = Buffer.alloc(0);
  words: Int32Array = new Int32Array(0);
  start = 0;
  /** While entries are taken up: a damaged one is then no match, where a reader is told. */
  toleratesDamage = false;
  /** Called for every look-up that goes to the disk. */
  onCold: () => void = () => undefined;

  add(segment: Segment): void {
    const slot = segment.number % segmentsMax;
    assertInvariant(this.#slots[slot] === undefined, `two segments of the log share slot ${slot}`);
    this.#slots[slot] = segment;
  }

  remove(segment: Segment): void {
    this.#slots[segment.number % segmentsMax] = undefined;
  }

  /** The segment of a position; undefined when it is no longer part of the log. */
  segmentOf(position: Position): Segment | undefined {
    return this.#slots[position >>> offsetBits];
  }

  /** A map of its own with the same segments, each retained: for readers that outlive changes. */
  retained(): SegmentMap {
    const copy = new SegmentMap();
    for (const segment of this.#slots) {
      if (segment === undefined) continue;
      segment.retain();
      copy.add(segment);
    }
    return copy;
  }

  /** Lets go of every segment. */
  releaseAll(): void {
    for (const [slot, segment] of this.#slots.entries()) {
      if (segment === undefined) continue;
      this.#slots[slot] = undefined;
      segment.release();
    }
  }

  /** Finds the entry at a position, in memory or on the disk: see `bytes` and `start`. Throws when it is damaged. */
  locate(position: Position): void {
    if (!this.#locate(position) && !this.toleratesDamage) throw this.#damageAt(position);
  }

  /** Whether the entry at a position is what was written. */
  isIntact(position: Position): boolean {
    return this.#locate(position);
  }

  /**
   * Whether the entry at a position has the key at `start` to `end` of `key`, whose hash it has. False for one that left the
   * log. Throws when it has another key because it is damaged.
   */
  hasKey(position: Position, key: Uint8Array, start: number, end: number): boolean {
    const segment = this.#slots[position >>> offsetBits];
    if (segment === undefined) return false;
    const { memory } = segment;
    let at = offsetOf(position);
    let entry: Words;
    if (memory === undefined) {
      entry = segment.coldEntryAt(at);
      at = 0;
    } else entry = memory;
    if (isKeyAt(entry, at, key, start, end)) return true;
    if (!this.toleratesDamage && !this.#locate(position)) throw this.#damageAt(position);
    return false;
  }

  /** The key of the entry at a position: a view, valid until the segment leaves memory or the next call. */
  keyAt(position: Position): Buffer {
    this.locate(position);
    const from = this.start + entryHeaderBytes;
    return this.bytes.subarray(from, from + keyBytesAt(this.words, this.start));
  }

  /** Bytes of the entry at a position, header included. */
  sizeAt(position: Position): number {
    this.locate(position);
    return sizeAt(this.words, this.start);
  }

  /** A copy of the entry's record. */
  recordAt(position: Position): Buffer {
    this.locate(position);
    const from = this.start + entryHeaderBytes + keyBytesAt(this.words, this.start);
    const length = recordBytesAt(this.words, this.start);
    const copy = Buffer.allocUnsafe(length);
    this.bytes.copy(copy, 0, from, from + length);
    return copy;
  }

  /** Returns whether the checksum holds. */
  #locate(position: Position): boolean {
    const segment = this.#slots[position >>> offsetBits] as Segment;
    segment.reads += 1;
    const offset = offsetOf(position);
    const { memory } = segment;
    if (memory === undefined) {
      this.onCold();
      const cold = segment.coldEntryAt(offset);
      this.bytes = cold.bytes;
      this.words = cold.words;
      this.start = 0;
      return cold.isIntact;
    }
    this.bytes = memory.bytes;
    this.words = memory.words;
    this.start = offset;
    return segment.isVerified || segment.isIntactAt(offset);
  }

  #damageAt(position: Position): EkvError {
    return (this.#slots[position >>> offsetBits] as Segment).damage(offsetOf(position));
  }
}

function isKeyAt({ bytes, words }: Words, at: number, key: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (keyBytesAt(words, at) !== length) return false;
  // Keys differ near their ends more often.
  const from = at + entryHeaderBytes;
  for (let i = length - 1; i >= 0; i -= 1) if (bytes[from + i] !== key[start + i]) return false;
  return true;
}

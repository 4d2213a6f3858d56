import { checksumOf, finished, mixed, wordAt } from "./checksum.js";

/**
 * How a log lies on the disk, all little-endian. Everything begins at a multiple of 8 bytes.
 *
 * - Segment header, 32 bytes: magic (4), format (4), number of the segment (4), salt (4), salt of the segment before (4), batch (6) and part (2)
 *   of the first frame, checksum (4).
 * - Frame header, 24 bytes: checksum (4), bytes of its entries (4), batch (6), flags and part (2), durable batch (6),
 *   link (2). A batch is one frame, or several in a row of segments; the last has a flag.
 * - Entry header, 16 bytes: checksum (4), bytes of the record (4), generation (4), partition (2), kind and bytes of the
 *   key (2). Then the key, the record, and zeros up to a multiple of 8.
 *
 * Checksums cover everything behind them (of a segment header: before it), zeros included. They are seeded by the segment's
 * salt, the place, and what it is: nothing passes that was written for another place, as something else, by another log, or
 * by a caller.
 */

/** Version of this layout. A log of a higher one is refused. */
export const formatVersion = 1;

export const segmentHeaderBytes = 32;
export const frameHeaderBytes = 24;
export const entryHeaderBytes = 16;

const magic = Buffer.from("ekv\n", "latin1");
const lastPartFlag = 0x8000;
const partMax = 0x7fff;

/** What an entry does. A moved one is a copy that cleaning made: it changes nothing but the place. */
export const entryKinds = {
  put: 1,
  delete: 2,
  counters: 3,
  meta: 4,
  metaDelete: 5,
  drop: 6,
  movedPut: 7,
  movedCounters: 8,
  movedMeta: 9,
} as const;

const lastKind = 9;

/** A buffer with a view of its words; it begins at an address that is a multiple of 8. */
export interface Words {
  readonly bytes: Buffer;
  readonly words: Int32Array;
}

/** New memory, uninitialized. `size` is rounded up to a multiple of 8. */
export function allocateWords(size: number): Words {
  const bytes = Buffer.allocUnsafeSlow((size + 7) & ~7);
  return { bytes, words: new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2) };
}

/** Bytes of an entry, with its header and what fills it up. */
export function entryBytes(keyBytes: number, recordBytes: number): number {
  return (entryHeaderBytes + keyBytes + recordBytes + 7) & ~7;
}

/** Sets headers apart: an entry, whose bytes a caller may choose, must never pass for one. */
const frameSeed = 0x6672_616d;
const segmentSeed = 0x7365_676d;

function seedOf(salt: number, offset: number): number {
  return salt ^ offset;
}

/** A key and its record, each at `start` to `end` of its bytes. */
export interface EntrySource {
  readonly keys: Uint8Array;
  keyStart: number;
  keyEnd: number;
  readonly records: Uint8Array;
  recordStart: number;
  recordEnd: number;
}

/**
 * Writes an entry at `offset`; the room was checked. Returns the offset behind it. Copies and computes the checksum in one
 * go, a word at a time: that takes less than a copy of bytes and a look at its words after it.
 */
export function writeEntry(
  words: Int32Array,
  offset: number,
  salt: number,
  kind: number,
  partition: number,
  generation: number,
  source: EntrySource,
): number {
  const { keys, keyStart, keyEnd, records, recordStart, recordEnd } = source;
  const word = offset >> 2;
  const end = word + (entryBytes(keyEnd - keyStart, recordEnd - recordStart) >> 2);
  words[word + 1] = recordEnd - recordStart;
  words[word + 2] = generation;
  words[word + 3] = partition | (((kind << 12) | (keyEnd - keyStart)) << 16);
  let hash = seedOf(salt, offset);
  for (let i = word + 1; i < word + 4; i += 1) hash = mixed(hash, words[i] as number);
  let at = word + 4;
  let from = keyStart;
  for (; from + 4 <= keyEnd; from += 4, at += 1) {
    const value = wordAt(keys, from);
    words[at] = value;
    hash = mixed(hash, value);
  }
  // The word in which the key ends and the record begins.
  let rest = 0;
  let bits = 0;
  for (; from < keyEnd; from += 1, bits += 8) rest |= (keys[from] as number) << bits;
  from = recordStart;
  if (bits > 0) {
    for (; bits < 32 && from < recordEnd; from += 1, bits += 8) rest |= (records[from] as number) << bits;
    words[at] = rest;
    hash = mixed(hash, rest);
    at += 1;
  }
  for (; from + 4 <= recordEnd; from += 4, at += 1) {
    const value = wordAt(records, from);
    words[at] = value;
    hash = mixed(hash, value);
  }
  // What is left of the record, then zeros.
  for (; at < end; at += 1) {
    rest = 0;
    for (bits = 0; from < recordEnd; from += 1, bits += 8) rest |= (records[from] as number) << bits;
    words[at] = rest;
    hash = mixed(hash, rest);
  }
  words[word] = finished(hash);
  return end << 2;
}

/** Copies an entry as a moved one, to `offset`. Returns the offset behind the copy. */
export function copyEntry(
  { bytes, words }: Words,
  offset: number,
  salt: number,
  kind: number,
  source: Words,
  sourceOffset: number,
): number {
  const size = sizeAt(source.words, sourceOffset);
  const word = offset >> 2;
  bytes.set(source.bytes.subarray(sourceOffset, sourceOffset + size), offset);
  const header = words[word + 3] as number;
  words[word + 3] = (header & 0x0fffffff) | (kind << 28);
  words[word] = checksumOf(words, word + 1, (offset + size) >> 2, seedOf(salt, offset));
  return offset + size;
}

/** Whether the bytes at `offset` to `end` begin with an entry that lies within them. */
export function isEntryWithin(words: Int32Array, offset: number, end: number): boolean {
  if (offset + entryHeaderBytes > end) return false;
  const kind = kindAt(words, offset);
  if (kind === 0 || kind > lastKind) return false;
  const recordBytes = recordBytesAt(words, offset);
  return recordBytes <= end - offset && offset + entryBytes(keyBytesAt(words, offset), recordBytes) <= end;
}

/** Whether the key of the entry at `offset` ends before `end`, whatever the length of its record is said to be. */
export function isKeyWithin(words: Int32Array, offset: number, end: number): boolean {
  return offset + entryHeaderBytes <= end && offset + entryHeaderBytes + keyBytesAt(words, offset) <= end;
}

/** Whether the checksum of the entry at `offset` holds, which lies within its frame. `place`: its offset in the segment, if that is another. */
export function isEntryIntact(
  words: Int32Array,
  offset: number,
  salt: number,
  place: number = offset,
): boolean {
  const end = (offset + sizeAt(words, offset)) >> 2;
  return words[offset >> 2] === checksumOf(words, (offset >> 2) + 1, end, seedOf(salt, place));
}

export function kindAt(words: Int32Array, offset: number): number {
  return (words[(offset >> 2) + 3] as number) >>> 28;
}

export function keyBytesAt(words: Int32Array, offset: number): number {
  return ((words[(offset >> 2) + 3] as number) >>> 16) & 0xfff;
}

export function recordBytesAt(words: Int32Array, offset: number): number {
  return (words[(offset >> 2) + 1] as number) >>> 0;
}

export function partitionAt(words: Int32Array, offset: number): number {
  return (words[(offset >> 2) + 3] as number) & 0xffff;
}

export function generationAt(words: Int32Array, offset: number): number {
  return (words[(offset >> 2) + 2] as number) >>> 0;
}

/** Bytes of the entry at `offset`, with its header and what fills it up. */
export function sizeAt(words: Int32Array, offset: number): number {
  return entryBytes(keyBytesAt(words, offset), recordBytesAt(words, offset));
}

/** Where the record begins in the entry at `offset`. */
export function recordStartAt(words: Int32Array, offset: number): number {
  return offset + entryHeaderBytes + keyBytesAt(words, offset);
}

/** What a frame header says. */
export interface FrameHeader {
  /** Bytes of its entries. */
  readonly length: number;
  readonly batch: number;
  /** Number of the frame within its batch, from 0. */
  readonly part: number;
  readonly isLast: boolean;
  /** Batches up to this one were durable when the frame was written. */
  readonly durableBatch: number;
  /**
   * Of the frame before, see {@link linkAt}; 0: there is none. So a frame that was taken back does not come to life behind one that was
   * written in place of the frame before it, should a power loss bring it back.
   */
  readonly link: number;
}

/** Writes a frame's header at `offset`, its entries being there. */
export function writeFrameHeader(
  { bytes, words }: Words,
  offset: number,
  salt: number,
  frame: FrameHeader,
): void {
  const word = offset >> 2;
  words[word + 1] = frame.length;
  bytes.writeUIntLE(frame.batch, offset + 8, 6);
  bytes.writeUInt16LE((frame.isLast ? lastPartFlag : 0) | (frame.part & partMax), offset + 14);
  bytes.writeUIntLE(frame.durableBatch, offset + 16, 6);
  bytes.writeUInt16LE(frame.link, offset + 22);
  words[word] = checksumOf(words, word + 1, word + 6, seedOf(salt, offset) ^ frameSeed);
}

/** What ties the next frame to the one at `offset`: 16 bits of its checksum. */
export function linkAt(words: Int32Array, offset: number): number {
  return (words[offset >> 2] as number) & 0xffff;
}

/**
 * The header of the frame at `offset`; undefined when its checksum does not hold, or its entries would not fit before `end`.
 *
 * @param place its offset in the segment, if that is another
 */
export function readFrameHeader(
  { bytes, words }: Words,
  offset: number,
  salt: number,
  end: number,
  place: number = offset,
): FrameHeader | undefined {
  const word = offset >> 2;
  if (offset + frameHeaderBytes > end) return undefined;
  const length = (words[word + 1] as number) >>> 0;
  if (length % 8 !== 0 || length > end - offset - frameHeaderBytes) return undefined;
  if (words[word] !== checksumOf(words, word + 1, word + 6, seedOf(salt, place) ^ frameSeed))
    return undefined;
  const flags = bytes.readUInt16LE(offset + 14);
  return {
    length,
    batch: bytes.readUIntLE(offset + 8, 6),
    part: flags & partMax,
    isLast: (flags & lastPartFlag) !== 0,
    durableBatch: bytes.readUIntLE(offset + 16, 6),
    link: bytes.readUInt16LE(offset + 22),
  };
}

/** What a segment begins with. */
export interface SegmentHeader {
  readonly number: number;
  readonly salt: number;
  /** Of the segment before, should its own header be damaged; 0: there is none. */
  readonly previousSalt: number;
  /** Its first frame: what is expected of the oldest segment, and compared with what is expected of the others. */
  readonly batch: number;
  readonly part: number;
}

/** Writes the header of a segment. */
export function writeSegmentHeader({ bytes, words }: Words, header: SegmentHeader): void {
  bytes.set(magic, 0);
  words[1] = formatVersion;
  words[2] = header.number;
  words[3] = header.salt;
  words[4] = header.previousSalt;
  bytes.writeUIntLE(header.batch, 20, 6);
  bytes.writeUInt16LE(header.part, 26);
  words[7] = checksumOf(words, 0, 7, segmentSeed);
}

/** What the header of a segment says; undefined when it is none, or damaged. */
export function readSegmentHeader({
  bytes,
  words,
}: Words): (SegmentHeader & { readonly format: number }) | undefined {
  if (bytes.length < segmentHeaderBytes || !bytes.subarray(0, magic.length).equals(magic)) return undefined;
  if (words[7] !== checksumOf(words, 0, 7, segmentSeed)) return undefined;
  return {
    format: (words[1] as number) >>> 0,
    number: (words[2] as number) >>> 0,
    salt: words[3] as number,
    previousSalt: words[4] as number,
    batch: bytes.readUIntLE(20, 6),
    part: bytes.readUInt16LE(26),
  };
}

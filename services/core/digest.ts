import type { RecordColumns } from "./ports/storage-engine.js";
import { recordValueOffset } from "./record.js";

const c1 = 0x239b961b;
const c2 = 0xab0e9789;
const c3 = 0x38b34ae5;
const c4 = 0xa1e38b93;

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

function finalMix(h: number): number {
  const a = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  const b = Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  return b ^ (b >>> 16);
}

/** Four bytes at `i`, little-endian. */
function word(bytes: Uint8Array, i: number): number {
  return (
    (bytes[i] as number) |
    ((bytes[i + 1] as number) << 8) |
    ((bytes[i + 2] as number) << 16) |
    ((bytes[i + 3] as number) << 24)
  );
}

/** As {@link word}; bytes at or beyond `end` count as zero. */
function lastWord(bytes: Uint8Array, i: number, end: number): number {
  if (i + 4 <= end) return word(bytes, i);
  let value = 0;
  for (let j = end - 1; j >= i; j -= 1) value = (value << 8) | (bytes[j] as number);
  return value;
}

/** Four unsigned 32-bit lanes. */
type Lanes = Uint32Array;

/**
 * MurmurHash3 x86-128 (Austin Appleby, public domain) of `bytes`, into `out`. All four lanes start from `seed`.
 */
export function hash128(bytes: Uint8Array, seed: number, out: Lanes): void {
  out.fill(seed);
  hash128From(bytes, 0, bytes.length, out, out);
}

/** The hash of `bytes[start, end)`, whose lanes start from those of `seeds`; `out` may be the same array. */
function hash128From(bytes: Uint8Array, start: number, end: number, seeds: Lanes, out: Lanes): void {
  let h1 = (seeds[0] as number) | 0;
  let h2 = (seeds[1] as number) | 0;
  let h3 = (seeds[2] as number) | 0;
  let h4 = (seeds[3] as number) | 0;
  const length = end - start;
  const blocksEnd = start + (length & ~15);
  for (let i = start; i < blocksEnd; i += 16) {
    h1 ^= Math.imul(rotate(Math.imul(word(bytes, i), c1), 15), c2);
    h1 = (Math.imul((rotate(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(rotate(Math.imul(word(bytes, i + 4), c2), 16), c3);
    h2 = (Math.imul((rotate(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0;
    h3 ^= Math.imul(rotate(Math.imul(word(bytes, i + 8), c3), 17), c4);
    h3 = (Math.imul((rotate(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0;
    h4 ^= Math.imul(rotate(Math.imul(word(bytes, i + 12), c4), 18), c1);
    h4 = (Math.imul((rotate(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0;
  }
  const tail = end - blocksEnd;
  if (tail > 12) h4 ^= Math.imul(rotate(Math.imul(lastWord(bytes, blocksEnd + 12, end), c4), 18), c1);
  if (tail > 8) h3 ^= Math.imul(rotate(Math.imul(lastWord(bytes, blocksEnd + 8, end), c3), 17), c4);
  if (tail > 4) h2 ^= Math.imul(rotate(Math.imul(lastWord(bytes, blocksEnd + 4, end), c2), 16), c3);
  if (tail > 0) h1 ^= Math.imul(rotate(Math.imul(lastWord(bytes, blocksEnd, end), c1), 15), c2);
  h1 ^= length;
  h2 ^= length;
  h3 ^= length;
  h4 ^= length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  h3 = (h3 + h1) | 0;
  h4 = (h4 + h1) | 0;
  h1 = finalMix(h1);
  h2 = finalMix(h2);
  h3 = finalMix(h3);
  h4 = finalMix(h4);
  h1 = (h1 + h2 + h3 + h4) | 0;
  out[0] = h1;
  out[1] = h2 + h1;
  out[2] = h3 + h1;
  out[3] = h4 + h1;
}

/** Of the key and the record that are being hashed. */
const keyLanes = new Uint32Array(4);
const recordLanes = new Uint32Array(4);

/**
 * An additive hash over the entries of a partition: each adds its own 128-bit hash of key and record (so of value,
 * version and expiry), lane by lane, modulo 2³². The order of changes does not matter, and no clock enters.
 */
export class PartitionDigest {
  readonly #lanes: Lanes = new Uint32Array(4);
  #keys = 0;
  #bytes = 0;

  /** From what {@link PartitionDigest.toBytes} gave, with the counts beside it. */
  static from(parts: {
    readonly sum: Uint8Array;
    readonly keys: number;
    readonly bytes: number;
  }): PartitionDigest {
    const digest = new PartitionDigest();
    const view = new DataView(parts.sum.buffer, parts.sum.byteOffset, parts.sum.byteLength);
    for (let lane = 0; lane < 4 && lane * 4 + 4 <= parts.sum.length; lane += 1) {
      digest.#lanes[lane] = view.getUint32(lane * 4, true);
    }
    digest.#keys = parts.keys;
    digest.#bytes = parts.bytes;
    return digest;
  }

  /** Number of entries. */
  get keys(): number {
    return this.#keys;
  }

  /** Sum of key and value lengths. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes an entry in. */
  add(key: Uint8Array, record: Uint8Array): void {
    hash128(key, 0, keyLanes);
    this.#addRecord(record, 0, record.length);
    this.#keys += 1;
    this.#bytes += key.length;
  }

  /** Takes entries in. */
  addColumns({ keys, keyLengths, records, recordLengths }: RecordColumns): void {
    let keyStart = 0;
    let recordStart = 0;
    for (let i = 0; i < keyLengths.length; i += 1) {
      const keyEnd = keyStart + (keyLengths[i] as number);
      const recordEnd = recordStart + (recordLengths[i] as number);
      keyLanes.fill(0);
      hash128From(keys, keyStart, keyEnd, keyLanes, keyLanes);
      this.#addRecord(records, recordStart, recordEnd);
      this.#bytes += keyEnd - keyStart;
      keyStart = keyEnd;
      recordStart = recordEnd;
    }
    this.#keys += keyLengths.length;
  }

  /** Takes an entry out that is in: the reverse of {@link PartitionDigest.add}. The record is at `start` to `end`. */
  remove(key: Uint8Array, bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    hash128(key, 0, keyLanes);
    this.#removeRecord(bytes, start, end);
    this.#keys -= 1;
    this.#bytes -= key.length;
  }

  /** Takes `record` in for the key's record that is in, at `start` to `end` of `old`: the key is hashed once. */
  replace(key: Uint8Array, old: Uint8Array, start: number, end: number, record: Uint8Array): void {
    hash128(key, 0, keyLanes);
    this.#removeRecord(old, start, end);
    this.#addRecord(record, 0, record.length);
  }

  equals(other: PartitionDigest): boolean {
    return (
      this.#keys === other.#keys &&
      this.#bytes === other.#bytes &&
      this.#lanes.every((lane, index) => lane === other.#lanes[index])
    );
  }

  /** Writes the 16 bytes of the sum: four lanes, little-endian. */
  writeTo(view: DataView, offset: number): void {
    for (let lane = 0; lane < 4; lane += 1) view.setUint32(offset + lane * 4, this.#lanes[lane]!, true);
  }

  /** The 16 bytes of {@link PartitionDigest.writeTo}. */
  toBytes(): Uint8Array {
    const bytes = Buffer.allocUnsafe(16);
    this.writeTo(new DataView(bytes.buffer, bytes.byteOffset, 16), 0);
    return bytes;
  }

  copy(): PartitionDigest {
    const copy = new PartitionDigest();
    copy.assign(this);
    return copy;
  }

  /** Becomes equal to `other`. */
  assign(other: PartitionDigest): void {
    this.#lanes.set(other.#lanes);
    this.#keys = other.#keys;
    this.#bytes = other.#bytes;
  }

  /** Adds a record's hash, which begins from its key's: `keyLanes`. */
  #addRecord(bytes: Uint8Array, start: number, end: number): void {
    hash128From(bytes, start, end, keyLanes, recordLanes);
    const lanes = this.#lanes;
    for (let lane = 0; lane < 4; lane += 1) lanes[lane]! += recordLanes[lane]!;
    this.#bytes += end - recordValueOffset(bytes, start);
  }

  #removeRecord(bytes: Uint8Array, start: number, end: number): void {
    hash128From(bytes, start, end, keyLanes, recordLanes);
    const lanes = this.#lanes;
    for (let lane = 0; lane < 4; lane += 1) lanes[lane]! -= recordLanes[lane]!;
    this.#bytes -= end - recordValueOffset(bytes, start);
  }
}

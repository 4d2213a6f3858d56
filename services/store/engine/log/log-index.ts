import { type Generation, type PartitionId, brandAs } from "../../../core/ids.js";
import { recordExpiresAtMs } from "../../../core/record.js";
import { keyHash } from "./checksum.js";
import { ExpiryIndex } from "./expiry-index.js";
import { GenerationIndex } from "./generation-index.js";
import type { Leaf } from "./leaf.js";
import {
  entryHeaderBytes,
  entryKinds,
  generationAt,
  keyBytesAt,
  kindAt,
  partitionAt,
  recordStartAt,
  sizeAt,
} from "./layout.js";
import type { Segment } from "./segment.js";
import { type Position, positionOf, SegmentMap } from "./segments.js";

/** Entries of dropped generations that are taken off the books in one step. */
const disposedEntriesStep = 512;

/**
 * What the log's entries amount to: where each key's newest record is, the counters and named values, and what expires.
 * It changes only by entries that are in the log: {@link apply} is all there is, for commits as for replay.
 */
export class LogIndex {
  readonly segments: SegmentMap = new SegmentMap();
  readonly expiry: ExpiryIndex = new ExpiryIndex();
  /** By name. */
  readonly metas: Map<string, Position> = new Map<string, Position>();
  /** Seed of the keys' hashes. */
  hashSeed: number;
  /** Bytes of entries that something leads to. */
  liveBytes = 0;
  keys = 0;
  readonly #partitions: (GenerationIndex[] | undefined)[] = [];
  /** Leaves of dropped generations whose entries still count as live. */
  #disposing: { readonly positions: Uint32Array; done: number }[] = [];
  #dropped: Leaf[] = [];

  constructor(hashSeed: number) {
    this.hashSeed = hashSeed;
  }

  /** A generation's index; undefined when nothing is stored of it. */
  generation(partition: PartitionId, generation: Generation): GenerationIndex | undefined {
    const those = this.#partitions[partition];
    if (those === undefined) return undefined;
    for (const one of those) if (one.generation === generation) return one;
    return undefined;
  }

  /** All generations, ascending by partition, then number. */
  *generations(): IterableIterator<GenerationIndex> {
    for (const those of this.#partitions) if (those !== undefined) yield* those;
  }

  /** Takes up a generation of a checkpoint. */
  addGeneration(index: GenerationIndex): void {
    const those = (this.#partitions[index.partition] ??= []);
    const at = those.findIndex(({ generation }) => generation > index.generation);
    those.splice(at < 0 ? those.length : at, 0, index);
    this.keys += index.keys;
  }

  /** The position of a key's entry; 0: there is none. */
  find(
    partition: PartitionId,
    generation: Generation,
    key: Uint8Array,
    start: number,
    end: number,
  ): Position {
    const those = this.#partitions[partition];
    if (those === undefined) return 0;
    let index = those[0] as GenerationIndex;
    if (index.generation !== generation) {
      const other = this.generation(partition, generation);
      if (other === undefined) return 0;
      index = other;
    }
    return index.find(keyHash(key, start, end, this.hashSeed), this.segments, key, start, end);
  }

  /** Takes up the entry at `offset` of a segment that is in memory, as the newest there is. */
  apply(segment: Segment, offset: number): void {
    const { words, bytes } = segment.memory as { words: Int32Array; bytes: Buffer };
    const position = positionOf(segment, offset);
    const size = sizeAt(words, offset);
    switch (kindAt(words, offset)) {
      case entryKinds.put:
      case entryKinds.movedPut:
        return this.#put(segment, offset, position, size);
      case entryKinds.delete:
        return this.#delete(words, bytes, offset);
      case entryKinds.counters:
      case entryKinds.movedCounters: {
        const index = this.#made(words, offset);
        if (index.counters !== 0) this.#unaccount(index.counters);
        index.counters = position;
        return this.#account(segment, size);
      }
      case entryKinds.meta:
      case entryKinds.movedMeta: {
        this.#forgetMeta(metaName(words, bytes, offset));
        this.metas.set(metaName(words, bytes, offset), position);
        return this.#account(segment, size);
      }
      case entryKinds.metaDelete:
        return this.#forgetMeta(metaName(words, bytes, offset));
      case entryKinds.drop:
        return this.#drop(words, offset);
    }
  }

  /**
   * Lets the key of a damaged record lead to it, as far as its key can be read: so that whoever asks for it is told. What it
   * replaced must not be served.
   */
  applyDamaged(segment: Segment, offset: number): void {
    const { words, bytes } = segment.memory as { words: Int32Array; bytes: Buffer };
    const kind = kindAt(words, offset);
    if (kind !== entryKinds.put && kind !== entryKinds.movedPut) return;
    const index = this.#made(words, offset);
    const start = offset + entryHeaderBytes;
    const end = start + keyBytesAt(words, offset);
    const hash = keyHash(bytes, start, end, this.hashSeed);
    const { keys } = index;
    const old = index.set(hash, this.segments, bytes, start, end, positionOf(segment, offset));
    if (old !== 0) this.#forgetEntry(old);
    this.keys += index.keys - keys;
  }

  /** Whether the entry at `offset` of a segment in memory is the one that its key, counters or name leads to. */
  isLive(segment: Segment, offset: number): boolean {
    const { words, bytes } = segment.memory as { words: Int32Array; bytes: Buffer };
    const position = positionOf(segment, offset);
    const kind = kindAt(words, offset);
    if (kind === entryKinds.meta || kind === entryKinds.movedMeta) {
      return this.metas.get(metaName(words, bytes, offset)) === position;
    }
    if (kind === entryKinds.delete || kind === entryKinds.drop || kind === entryKinds.metaDelete)
      return false;
    const index = this.#indexAt(words, offset);
    if (index === undefined) return false;
    if (kind === entryKinds.counters || kind === entryKinds.movedCounters) return index.counters === position;
    const start = offset + entryHeaderBytes;
    const end = start + keyBytesAt(words, offset);
    const leaf = index.leaves[index.leafOf(bytes, start, end)] as Leaf;
    return leaf.has(keyHash(bytes, start, end, this.hashSeed), position);
  }

  /** Whether the record at a position, which `segments` has located, is what its key leads to. */
  isNewest(position: Position): boolean {
    const { words, bytes, start } = this.segments;
    const index = this.#indexAt(words, start);
    if (index === undefined) return false;
    const from = start + entryHeaderBytes;
    const to = from + keyBytesAt(words, start);
    const leaf = index.leaves[index.leafOf(bytes, from, to)] as Leaf;
    return leaf.has(keyHash(bytes, from, to, this.hashSeed), position);
  }

  /** Takes some entries of dropped generations off the books. Returns whether more are left. */
  dispose(): boolean {
    if (this.#disposing.length === 0) {
      const leaf = this.#dropped.pop();
      if (leaf === undefined) return false;
      this.#disposing.push({ positions: leaf.positions(), done: 0 });
    }
    const current = this.#disposing[0];
    if (current === undefined) return false;
    const end = Math.min(current.done + disposedEntriesStep, current.positions.length);
    for (; current.done < end; current.done += 1)
      this.#forgetEntry(current.positions[current.done] as number);
    if (current.done === current.positions.length) this.#disposing = [];
    return this.isDisposing;
  }

  /** Whether entries of dropped generations are still on the books. */
  get isDisposing(): boolean {
    return this.#disposing.length > 0 || this.#dropped.length > 0;
  }

  /** Bytes that the index takes. */
  get byteLength(): number {
    let bytes = this.expiry.byteLength;
    for (const { leaves } of this.generations()) for (const leaf of leaves) bytes += leaf.byteLength;
    return bytes;
  }

  #put(segment: Segment, offset: number, position: Position, size: number): void {
    const { words, bytes } = segment.memory as { words: Int32Array; bytes: Buffer };
    const index = this.#made(words, offset);
    const start = offset + entryHeaderBytes;
    const end = start + keyBytesAt(words, offset);
    const hash = keyHash(bytes, start, end, this.hashSeed);
    const { keys } = index;
    const old = index.set(hash, this.segments, bytes, start, end, position);
    if (old !== 0) this.#forgetEntry(old);
    this.keys += index.keys - keys;
    const expiresAtMs = recordExpiresAtMs(bytes, end);
    if (expiresAtMs !== 0) this.expiry.add(expiresAtMs, position);
    this.#account(segment, size);
  }

  #delete(words: Int32Array, bytes: Buffer, offset: number): void {
    const index = this.#indexAt(words, offset);
    if (index === undefined) return;
    const start = offset + entryHeaderBytes;
    const end = start + keyBytesAt(words, offset);
    const old = index.remove(keyHash(bytes, start, end, this.hashSeed), this.segments, bytes, start, end);
    if (old === 0) return;
    this.keys -= 1;
    this.#forgetEntry(old);
    this.#forgetEmpty(index);
  }

  #drop(words: Int32Array, offset: number): void {
    const index = this.#indexAt(words, offset);
    if (index === undefined) return;
    if (index.counters !== 0) this.#unaccount(index.counters);
    this.keys -= index.keys;
    this.#dropped.push(...index.leaves);
    this.#forget(index);
  }

  /** The record of a key is no longer its newest. */
  #forgetEntry(position: Position): void {
    const segment = this.segments.segmentOf(position);
    if (segment === undefined || !this.segments.isIntact(position)) return;
    const { words, bytes, start } = this.segments;
    const expiresAtMs = recordExpiresAtMs(bytes, recordStartAt(words, start));
    if (expiresAtMs !== 0) this.expiry.remove(expiresAtMs, position);
    this.#account(segment, -sizeAt(words, start));
  }

  #unaccount(position: Position): void {
    const segment = this.segments.segmentOf(position);
    if (segment === undefined || !this.segments.isIntact(position)) return;
    this.#account(segment, -sizeAt(this.segments.words, this.segments.start));
  }

  #account(segment: Segment, bytes: number): void {
    segment.liveBytes += bytes;
    this.liveBytes += bytes;
  }

  #forgetMeta(name: string): void {
    const old = this.metas.get(name);
    if (old === undefined) return;
    this.#unaccount(old);
    this.metas.delete(name);
  }

  #indexAt(words: Int32Array, offset: number): GenerationIndex | undefined {
    return this.generation(
      brandAs<PartitionId>(partitionAt(words, offset)),
      brandAs<Generation>(generationAt(words, offset)),
    );
  }

  #made(words: Int32Array, offset: number): GenerationIndex {
    const found = this.#indexAt(words, offset);
    if (found !== undefined) return found;
    const made = new GenerationIndex(
      brandAs<PartitionId>(partitionAt(words, offset)),
      brandAs<Generation>(generationAt(words, offset)),
    );
    this.addGeneration(made);
    return made;
  }

  #forgetEmpty(index: GenerationIndex): void {
    if (index.keys === 0 && index.counters === 0) this.#forget(index);
  }

  #forget(index: GenerationIndex): void {
    const those = (this.#partitions[index.partition] ?? []).filter((one) => one !== index);
    this.#partitions[index.partition] = those.length === 0 ? undefined : those;
  }
}

function metaName(words: Int32Array, bytes: Buffer, offset: number): string {
  const start = offset + entryHeaderBytes;
  return bytes.toString("utf8", start, start + keyBytesAt(words, offset));
}

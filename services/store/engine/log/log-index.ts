import { type Generation, type PartitionId, brandAs } from "../../../core/ids.js";
import { recordExpiresAtMs } from "../../../core/record.js";
import { keyHash } from "./checksum.js";
import { ExpiryIndex } from "./expiry-index.js";
import { GenerationIndex } from "./generation-index.js";
import {
  entryHeaderBytes,
  entryKinds,
  generationAt,
  keyBytesAt,
  kindAt,
  partitionAt,
  recordStartAt,
  sizeAt,
  type Words,
} from "./layout.js";
import type { Leaf } from "./leaf.js";
import type { Segment } from "./segment.js";
import { type Position, positionOf, SegmentMap } from "./segments.js";

/** Entries of dropped generations that are forgotten in one step. */
const disposedEntriesStep = 512;

/** A named value in the log. */
export interface MetaEntry {
  readonly position: Position;
  /** Of the entry. */
  readonly bytes: number;
}

/**
 * What the log's entries amount to: where each key's newest record is, the counters and named values, and what expires.
 * It changes only by entries that are in the log: {@link apply} is all there is, for commits as for replay.
 */
export class LogIndex {
  readonly segments: SegmentMap = new SegmentMap();
  readonly expiry: ExpiryIndex = new ExpiryIndex();
  readonly metas: Map<string, MetaEntry> = new Map<string, MetaEntry>();
  /** Seed of the keys' hashes. */
  readonly hashSeed: number;
  /** Bytes of entries that something leads to. */
  liveBytes = 0;
  keys = 0;
  readonly #partitions: (GenerationIndex[] | undefined)[] = [];
  /** Of dropped generations, whose entries the index of expiries still has. */
  #dropped: Leaf[] = [];
  #disposing: { readonly positions: Uint32Array; done: number } | undefined;

  constructor(hashSeed: number) {
    this.hashSeed = hashSeed;
  }

  /** A generation's index; undefined when nothing is stored of it. */
  generation(partition: number, generation: number): GenerationIndex | undefined {
    const those = this.#partitions[partition];
    if (those === undefined) return undefined;
    for (let i = 0; i < those.length; i += 1) {
      const one = those[i] as GenerationIndex;
      if (one.generation === generation) return one;
    }
    return undefined;
  }

  /** All generations, ascending by partition, then number. */
  *generations(): IterableIterator<GenerationIndex> {
    for (const those of this.#partitions) if (those !== undefined) yield* those;
  }

  /** Takes up a generation of a checkpoint, with its keys and bytes. */
  addGeneration(index: GenerationIndex): void {
    const those = (this.#partitions[index.partition] ??= []);
    const at = those.findIndex(({ generation }) => generation > index.generation);
    those.splice(at < 0 ? those.length : at, 0, index);
    this.keys += index.keys;
    this.liveBytes += index.liveBytes;
  }

  /** Takes up a named value of a checkpoint. */
  addMeta(name: string, meta: MetaEntry): void {
    this.#forgetMeta(name);
    this.metas.set(name, meta);
    this.liveBytes += meta.bytes;
  }

  /** The position of a key's entry; 0: there is none. */
  find(
    partition: PartitionId,
    generation: Generation,
    key: Uint8Array,
    start: number,
    end: number,
  ): Position {
    const index = this.generation(partition, generation);
    return index === undefined
      ? 0
      : index.find(keyHash(key, start, end, this.hashSeed), this.segments, key, start, end);
  }

  /** Takes up the entry at `offset` of a segment that is in memory, as the newest there is. */
  apply(segment: Segment, offset: number): void {
    const { words, bytes } = segment.memory as Words;
    switch (kindAt(words, offset)) {
      case entryKinds.put:
      case entryKinds.movedPut:
        return this.#put(words, bytes, offset, positionOf(segment, offset));
      case entryKinds.delete:
        return this.#delete(words, bytes, offset);
      case entryKinds.counters:
      case entryKinds.movedCounters:
        return this.#setCounters(words, offset, positionOf(segment, offset), sizeAt(words, offset));
      case entryKinds.meta:
      case entryKinds.movedMeta: {
        const position = positionOf(segment, offset);
        return this.addMeta(metaName(words, bytes, offset), { position, bytes: sizeAt(words, offset) });
      }
      case entryKinds.metaDelete:
        return this.#forgetMeta(metaName(words, bytes, offset));
      case entryKinds.drop:
        return this.#drop(words, offset);
    }
  }

  /**
   * Lets the key, generation or name of a damaged entry lead to it, as far as that can be read: so that whoever asks for it is
   * told. What it replaced must not be served.
   */
  applyDamaged(segment: Segment, offset: number): void {
    const { words, bytes } = segment.memory as Words;
    const position = positionOf(segment, offset);
    switch (kindAt(words, offset)) {
      case entryKinds.put:
      case entryKinds.movedPut:
      case entryKinds.delete:
        return this.#setKey(this.#made(words, offset), words, bytes, offset, position);
      case entryKinds.counters:
      case entryKinds.movedCounters:
        // Of its lengths, none can be relied on.
        return this.#setCounters(words, offset, position, 0);
      case entryKinds.meta:
      case entryKinds.movedMeta:
      case entryKinds.metaDelete:
        return this.addMeta(metaName(words, bytes, offset), { position, bytes: 0 });
    }
  }

  /** Whether the entry at `offset` of a segment in memory is the one that its key, counters or name leads to. */
  isLive(segment: Segment, offset: number): boolean {
    const { words, bytes } = segment.memory as Words;
    const position = positionOf(segment, offset);
    switch (kindAt(words, offset)) {
      case entryKinds.put:
      case entryKinds.movedPut:
        return this.#leadsTo(words, bytes, offset, position);
      case entryKinds.counters:
      case entryKinds.movedCounters:
        return this.#indexAt(words, offset)?.counters === position;
      case entryKinds.meta:
      case entryKinds.movedMeta:
        return this.metas.get(metaName(words, bytes, offset))?.position === position;
      default:
        return false;
    }
  }

  /** Whether the record at a position, which `segments` has located, is what its key leads to. */
  isNewest(position: Position): boolean {
    const { words, bytes, start } = this.segments;
    return this.#leadsTo(words, bytes, start, position);
  }

  /** Takes some entries of dropped generations out of the index of expiries. Returns whether more are left. */
  dispose(): boolean {
    if (this.#disposing === undefined) {
      const leaf = this.#dropped.pop();
      if (leaf === undefined) return false;
      this.#disposing = { positions: leaf.positions(), done: 0 };
    }
    const { positions, done } = this.#disposing;
    const end = Math.min(done + disposedEntriesStep, positions.length);
    for (let i = done; i < end; i += 1) this.#forgetExpiry(positions[i] as number);
    this.#disposing.done = end;
    if (end === positions.length) this.#disposing = undefined;
    return this.isDisposing;
  }

  /** Whether the index of expiries has entries of dropped generations. */
  get isDisposing(): boolean {
    return this.#disposing !== undefined || this.#dropped.length > 0;
  }

  /** Bytes that the index takes. */
  get byteLength(): number {
    let bytes = this.expiry.byteLength;
    for (const { leaves } of this.generations()) for (const leaf of leaves) bytes += leaf.byteLength;
    return bytes;
  }

  #put(words: Int32Array, bytes: Buffer, offset: number, position: Position): void {
    const index = this.#made(words, offset);
    this.#setKey(index, words, bytes, offset, position);
    const size = sizeAt(words, offset);
    index.liveBytes += size;
    this.liveBytes += size;
    const expiresAtMs = recordExpiresAtMs(bytes, recordStartAt(words, offset));
    if (expiresAtMs === 0) return;
    index.expires = true;
    this.expiry.add(expiresAtMs, position);
  }

  #setKey(
    index: GenerationIndex,
    words: Int32Array,
    bytes: Buffer,
    offset: number,
    position: Position,
  ): void {
    const start = offset + entryHeaderBytes;
    const end = start + keyBytesAt(words, offset);
    const hash = keyHash(bytes, start, end, this.hashSeed);
    const old = index.set(hash, this.segments, bytes, start, end, position);
    if (old === 0) this.keys += 1;
    else this.#forgetEntry(index, old);
  }

  #delete(words: Int32Array, bytes: Buffer, offset: number): void {
    const index = this.#indexAt(words, offset);
    if (index === undefined) return;
    const start = offset + entryHeaderBytes;
    const end = start + keyBytesAt(words, offset);
    const old = index.remove(keyHash(bytes, start, end, this.hashSeed), this.segments, bytes, start, end);
    if (old === 0) return;
    this.keys -= 1;
    this.#forgetEntry(index, old);
    if (index.keys === 0 && index.counters === 0) this.#forget(index);
  }

  #setCounters(words: Int32Array, offset: number, position: Position, bytes: number): void {
    const index = this.#made(words, offset);
    const growth = bytes - index.countersBytes;
    index.counters = position;
    index.countersBytes += growth;
    index.liveBytes += growth;
    this.liveBytes += growth;
  }

  #drop(words: Int32Array, offset: number): void {
    const index = this.#indexAt(words, offset);
    if (index === undefined) return;
    this.keys -= index.keys;
    if (index.expires) this.#dropped.push(...index.leaves);
    this.#forget(index);
  }

  /** The record of a key is no longer its newest. */
  #forgetEntry(index: GenerationIndex, position: Position): void {
    if (this.segments.segmentOf(position) === undefined || !this.segments.isIntact(position)) return;
    const { words, bytes, start } = this.segments;
    const size = sizeAt(words, start);
    index.liveBytes -= size;
    this.liveBytes -= size;
    if (!index.expires) return;
    const expiresAtMs = recordExpiresAtMs(bytes, recordStartAt(words, start));
    if (expiresAtMs !== 0) this.expiry.remove(expiresAtMs, position);
  }

  #forgetExpiry(position: Position): void {
    if (this.segments.segmentOf(position) === undefined || !this.segments.isIntact(position)) return;
    const { words, bytes, start } = this.segments;
    const expiresAtMs = recordExpiresAtMs(bytes, recordStartAt(words, start));
    if (expiresAtMs !== 0) this.expiry.remove(expiresAtMs, position);
  }

  #forgetMeta(name: string): void {
    this.liveBytes -= this.metas.get(name)?.bytes ?? 0;
    this.metas.delete(name);
  }

  #leadsTo(words: Int32Array, bytes: Buffer, offset: number, position: Position): boolean {
    const index = this.#indexAt(words, offset);
    if (index === undefined) return false;
    const start = offset + entryHeaderBytes;
    const end = start + keyBytesAt(words, offset);
    return index.leadsTo(keyHash(bytes, start, end, this.hashSeed), bytes, start, end, position);
  }

  #indexAt(words: Int32Array, offset: number): GenerationIndex | undefined {
    return this.generation(partitionAt(words, offset), generationAt(words, offset));
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

  #forget(index: GenerationIndex): void {
    this.liveBytes -= index.liveBytes;
    const those = (this.#partitions[index.partition] ?? []).filter((one) => one !== index);
    this.#partitions[index.partition] = those.length === 0 ? undefined : those;
  }
}

function metaName(words: Int32Array, bytes: Buffer, offset: number): string {
  const start = offset + entryHeaderBytes;
  return bytes.toString("utf8", start, start + keyBytesAt(words, offset));
}

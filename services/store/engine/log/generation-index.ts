import type { Generation, PartitionId } from "../../../core/ids.js";
import { limits } from "../../../core/limits.js";
import { Leaf } from "./leaf.js";
import type { Position, SegmentMap } from "./segments.js";

/** Keys of a leaf that are looked at to find a key near its middle. */
const sampleKeys = 31;

const noKey: Buffer = Buffer.alloc(0);

/** Compares the key at `start` to `end` of `bytes` with another, by their bytes. */
export function compareKey(bytes: Uint8Array, start: number, end: number, other: Uint8Array): number {
  const length = end - start;
  const shorter = Math.min(length, other.length);
  for (let i = 0; i < shorter; i += 1) {
    const difference = (bytes[start + i] as number) - (other[i] as number);
    if (difference !== 0) return difference;
  }
  return length - other.length;
}

/**
 * The index of one generation: leaves in the order of their keys, each a hash table. So a look-up costs about what one
 * table would, while ranges, snapshots and growth deal with a leaf at a time.
 */
export class GenerationIndex {
  readonly partition: PartitionId;
  readonly generation: Generation;
  leaves: Leaf[] = [new Leaf(noKey)];
  keys = 0;
  /** Bytes of its entries: those of its keys, and of its counters. */
  liveBytes = 0;
  /** Whether it may have records that expire. */
  expires = false;
  /** Where its counters are; 0: it has none. */
  counters: Position = 0;
  /** Of the counters' entry. */
  countersBytes = 0;

  constructor(partition: PartitionId, generation: Generation) {
    this.partition = partition;
    this.generation = generation;
  }

  /** Number of the leaf that a key belongs to. */
  leafOf(bytes: Uint8Array, start: number, end: number): number {
    let low = 0;
    let high = this.leaves.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (compareKey(bytes, start, end, (this.leaves[middle] as Leaf).lowKey) < 0) high = middle - 1;
      else low = middle;
    }
    return low;
  }

  /** The position of a key's entry; 0: there is none. */
  find(hash: number, segments: SegmentMap, key: Uint8Array, start: number, end: number): Position {
    const number = this.leaves.length === 1 ? 0 : this.leafOf(key, start, end);
    return (this.leaves[number] as Leaf).find(hash, segments, key, start, end);
  }

  /** Whether a key, with its hash, leads to a position. */
  leadsTo(hash: number, key: Uint8Array, start: number, end: number, position: Position): boolean {
    const number = this.leaves.length === 1 ? 0 : this.leafOf(key, start, end);
    return (this.leaves[number] as Leaf).has(hash, position);
  }

  /** Lets a key lead to an entry. Returns the position of the one before; 0: there was none. */
  set(
    hash: number,
    segments: SegmentMap,
    key: Uint8Array,
    start: number,
    end: number,
    position: Position,
  ): Position {
    const number = this.leaves.length === 1 ? 0 : this.leafOf(key, start, end);
    const leaf = this.#ownLeaf(number);
    const old = leaf.find(hash, segments, key, start, end);
    if (old !== 0) {
      leaf.replace(hash, old, position);
      return old;
    }
    leaf.insert(hash, position);
    this.keys += 1;
    if (leaf.count > limits.leafKeysMax) this.#split(number, segments);
    return 0;
  }

  /** Takes a key out. Returns the position of its entry; 0: there was none. */
  remove(hash: number, segments: SegmentMap, key: Uint8Array, start: number, end: number): Position {
    const number = this.leaves.length === 1 ? 0 : this.leafOf(key, start, end);
    const old = (this.leaves[number] as Leaf).find(hash, segments, key, start, end);
    if (old === 0) return 0;
    const leaf = this.#ownLeaf(number);
    leaf.remove(hash, old);
    this.keys -= 1;
    if (leaf.count === 0 && this.leaves.length > 1) this.#dropLeaf(number);
    return old;
  }

  /** The leaves as they are now; they do not change any more, this index goes on with copies. */
  share(): readonly Leaf[] {
    for (const leaf of this.leaves) leaf.isShared = true;
    return [...this.leaves];
  }

  /**
   * Takes out what leads to segments that have left the log. How many bytes that was is not known any more: it is reckoned to be
   * as much for each key as for the others.
   */
  purge(isGone: (position: Position) => boolean): void {
    const { keys } = this;
    for (const leaf of this.leaves) this.keys -= leaf.purge(isGone);
    if (this.keys < keys) {
      const ofKeys = this.liveBytes - this.countersBytes;
      this.liveBytes -= ofKeys - Math.round((ofKeys * this.keys) / keys);
    }
    this.leaves = this.leaves.filter((leaf, number) => number === 0 || leaf.count > 0);
    if (this.counters === 0 || !isGone(this.counters)) return;
    this.liveBytes -= this.countersBytes;
    this.counters = 0;
    this.countersBytes = 0;
  }

  /** The leaf, copied first where others use it. */
  #ownLeaf(number: number): Leaf {
    const leaf = this.leaves[number] as Leaf;
    if (!leaf.isShared) return leaf;
    const own = leaf.clone();
    this.leaves[number] = own;
    return own;
  }

  #split(number: number, segments: SegmentMap): void {
    const leaf = this.leaves[number] as Leaf;
    const positions = leaf.positions();
    const step = Math.floor(positions.length / sampleKeys);
    const sample = Array.from({ length: sampleKeys }, (_, i) =>
      Buffer.from(segments.keyAt(positions[i * step] as number)),
    ).toSorted((a, b) => a.compare(b));
    const lowKey = sample[sampleKeys >> 1] as Buffer;
    const other = leaf.splitOff(lowKey, (position) => segments.keyAt(position).compare(lowKey) >= 0);
    this.leaves.splice(number + 1, 0, other);
  }

  #dropLeaf(number: number): void {
    this.leaves.splice(number, 1);
    if (number > 0) return;
    const first = this.#ownLeaf(0);
    first.lowKey = noKey;
  }
}

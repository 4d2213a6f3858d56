import { assertInvariant, invalidArgument } from "./errors.js";
import { hashKey, partitionOf } from "./hash.js";
import { brandAs, type Epoch, type PartitionId, type StoreId } from "./ids.js";
import type { PartitionEntry } from "./topology.js";

/** A half-open arc `[start, end)` of the ring of 2³² points; `end` is at most 2³². */
export interface HashRange {
  readonly start: number;
  readonly end: number;
}

/** Adjacent partitions of one owner, as people are shown them. */
export interface RingRange {
  readonly range: HashRange;
  /** Undefined: unassigned. */
  readonly storeId: StoreId | undefined;
  /** The first of them; they are consecutive. */
  readonly firstPartition: PartitionId;
  readonly partitions: number;
}

/** A change of ownership that is to be carried out by a move. */
export interface RangeAssignment {
  readonly partition: PartitionId;
  readonly storeId: StoreId;
}

const ringPoints = 2 ** 32;

/**
 * The ring: which partition a key falls on, and who holds each partition (the paper's ConsistentHashMap, section 5.2).
 * Ownership changes only through {@link ConsistentHashMap.set}, entry by entry and epoch by epoch; `addNew` and
 * `removeRange` say which partitions a change of ranges concerns.
 */
export class ConsistentHashMap {
  readonly partitionCount: number;
  readonly #bits: number;
  readonly #entries: PartitionEntry[];

  /** @param partitionCount a power of two; every partition starts unassigned, at epoch 0 */
  constructor(partitionCount: number) {
    this.#bits = Math.log2(partitionCount);
    if (!Number.isInteger(this.#bits)) {
      throw invalidArgument("partitions", `is ${partitionCount}; give a power of two`);
    }
    this.partitionCount = partitionCount;
    this.#entries = Array.from({ length: partitionCount }, (_, partition) => ({
      partition: brandAs<PartitionId>(partition),
      epoch: brandAs<Epoch>(0),
      primary: undefined,
      backups: [],
      learners: [],
      halted: false,
    }));
  }

  /** Every entry; index = partition. */
  entries(): readonly PartitionEntry[] {
    return this.#entries;
  }

  entry(partition: PartitionId): PartitionEntry {
    const entry = this.#entries[partition];
    assertInvariant(entry !== undefined, `partition ${partition} is not one of ${this.partitionCount}`);
    return entry;
  }

  /** Replaces a partition's entry. Epochs never go back. */
  set(entry: PartitionEntry): void {
    assertInvariant(
      entry.epoch >= this.entry(entry.partition).epoch,
      `partition ${entry.partition} must not go back to epoch ${entry.epoch}`,
    );
    this.#entries[entry.partition] = entry;
  }

  /** The entry that serves a key. */
  findParticularKey(key: Uint8Array): PartitionEntry {
    return this.entry(brandAs<PartitionId>(partitionOf(hashKey(key), this.#bits)));
  }

  /** The arc of a partition. */
  rangeOf(partition: PartitionId): HashRange {
    const points = ringPoints / this.partitionCount;
    return { start: partition * points, end: (partition + 1) * points };
  }

  /** What it takes to give `newRange`, a part of `oldRange`, to a store: each partition of it goes there. */
  addNew(oldRange: HashRange, newRange: HashRange, storeId: StoreId): RangeAssignment[] {
    if (newRange.start < oldRange.start || newRange.end > oldRange.end) {
      throw invalidArgument("newRange", "must lie within oldRange");
    }
    return this.#partitionsOf(newRange).map((partition) => ({ partition, storeId }));
  }

  /** What it takes to merge `oldRange` into the adjacent `newRange`: each partition of it goes to that range's owner. */
  removeRange(oldRange: HashRange, newRange: HashRange): RangeAssignment[] {
    const adjacent =
      oldRange.end % ringPoints === newRange.start || newRange.end % ringPoints === oldRange.start;
    if (!adjacent) throw invalidArgument("newRange", "must be adjacent to oldRange");
    const [heir] = this.#partitionsOf(newRange);
    const storeId = heir === undefined ? undefined : this.entry(heir).primary?.storeId;
    if (storeId === undefined) throw invalidArgument("newRange", "has no owner");
    return this.#partitionsOf(oldRange).map((partition) => ({ partition, storeId }));
  }

  /** The ring as merged ranges, from point 0 on. */
  displayHashRing(): RingRange[] {
    const ranges: RingRange[] = [];
    for (const { partition, primary } of this.#entries) {
      const last = ranges.at(-1);
      const { end } = this.rangeOf(partition);
      if (last && last.storeId === primary?.storeId) {
        const range = { start: last.range.start, end };
        ranges[ranges.length - 1] = { ...last, range, partitions: last.partitions + 1 };
      } else {
        const range = this.rangeOf(partition);
        ranges.push({ range, storeId: primary?.storeId, firstPartition: partition, partitions: 1 });
      }
    }
    return ranges;
  }

  #partitionsOf({ start, end }: HashRange): PartitionId[] {
    const points = ringPoints / this.partitionCount;
    if (start % points !== 0 || end % points !== 0 || start < 0 || end > ringPoints || start >= end) {
      throw invalidArgument(
        "range",
        `must begin and end on partition borders, which are ${points} points apart`,
      );
    }
    const first = start / points;
    return Array.from({ length: end / points - first }, (_, i) => brandAs<PartitionId>(first + i));
  }
}

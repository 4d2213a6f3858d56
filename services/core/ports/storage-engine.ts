import type { EngineName } from "../data-settings.js";
import type { Generation, PartitionId } from "../ids.js";
import type { Version } from "../topology.js";

/**
 * Keys and their records as columns: all keys in a row, all records in a row, and the bytes of each. The lengths add up to the
 * bytes, and there is one of both for every key.
 */
export interface RecordColumns {
  readonly keys: Uint8Array;
  readonly keyLengths: readonly number[];
  readonly records: Uint8Array;
  readonly recordLengths: readonly number[];
}

/** One write of a batch, to one generation of one partition. A record is in the format of `record.ts`. */
export type EngineWrite =
  | {
      readonly kind: "put";
      readonly partition: PartitionId;
      readonly generation: Generation;
      readonly key: Uint8Array;
      readonly record: Uint8Array;
    }
  /** Puts many keys of one generation, without an object for each. */
  | {
      readonly kind: "puts";
      readonly partition: PartitionId;
      readonly generation: Generation;
      readonly columns: RecordColumns;
    }
  | {
      readonly kind: "delete";
      readonly partition: PartitionId;
      readonly generation: Generation;
      readonly key: Uint8Array;
      /** The tombstone: the deletion's version and no value. For a log of changes; reads find nothing. */
      readonly record: Uint8Array;
    }
  /** Replaces a generation's counters, in the format of `counters.ts`: they change with its data. */
  | {
      readonly kind: "counters";
      readonly partition: PartitionId;
      readonly generation: Generation;
      readonly value: Uint8Array;
    }
  /** Stores a small named value of the store itself: partition states, identity. `value` undefined: deletes it. */
  | { readonly kind: "meta"; readonly name: string; readonly value: Uint8Array | undefined };

/** A key and its record. Both are copies the receiver may keep. */
export interface EngineEntry {
  readonly key: Uint8Array;
  readonly record: Uint8Array;
}

/** Where a record lies in memory. One object, which the next call of any method of its engine may change. */
export interface RecordLocation {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** What a commit changed. */
export interface EngineChange {
  /** `drop`: the whole generation; then there is no key and no version. */
  readonly kind: "put" | "delete" | "drop";
  readonly partition: PartitionId;
  readonly generation: Generation;
  readonly key: Uint8Array;
  readonly version: Version | undefined;
}

/** A key whose time to live is over. */
export interface ExpiredKey {
  readonly partition: PartitionId;
  readonly generation: Generation;
  readonly key: Uint8Array;
  /** Where it lies among all keys that expire; opaque. */
  readonly position: Uint8Array;
}

/** A generation and the partition that it is a copy of. */
export interface GenerationName {
  readonly partition: PartitionId;
  readonly generation: Generation;
}

/** A frozen view of one generation. Must be closed: an open one keeps what was overwritten or deleted since. */
export interface EngineSnapshot {
  /** Every entry once, in no particular order. Throws `UNAVAILABLE` when the snapshot is closed. */
  entries(): IterableIterator<EngineEntry>;
  close(): void;
}

/** What a range is limited to. */
export interface EngineRangeBounds {
  /** Only keys that begin with these bytes. */
  readonly prefix?: Uint8Array | undefined;
  /** Only keys greater than this one. */
  readonly behind?: Uint8Array | undefined;
}

/**
 * Where a store keeps its data: `[partition][generation][key]` → record, the counters of each generation, and named meta
 * values.
 *
 * Reads are synchronous and see committed batches only. A batch commits as a whole or not at all.
 */
export interface StorageEngine {
  readonly name: EngineName;
  /**
   * The committed record of a key, or undefined. Throws `INTERNAL` when it is damaged on the disk. The bytes may be overwritten by the next call of any method: copy
   * what outlives the current synchronous run. The key is at `start` to `end` of `bytes`, by default all of it.
   */
  get(
    partition: PartitionId,
    generation: Generation,
    bytes: Uint8Array,
    start?: number,
    end?: number,
  ): Uint8Array | undefined;
  /** As {@link StorageEngine.get}, without making an object for the record: where it lies. */
  locate(
    partition: PartitionId,
    generation: Generation,
    bytes: Uint8Array,
    start?: number,
    end?: number,
  ): RecordLocation | undefined;
  /** A copy of a meta value, or undefined. */
  getMeta(name: string): Uint8Array | undefined;
  /** A copy of a generation's counters, or undefined. */
  getCounters(partition: PartitionId, generation: Generation): Uint8Array | undefined;
  /** All meta names with a prefix, ascending, with copies of their values. */
  listMeta(prefix: string): readonly { readonly name: string; readonly value: Uint8Array }[];
  /**
   * Commits a batch atomically. Resolves when it is durable at the engine's configured level; it is visible to reads
   * by then. Batches commit in the order of the calls. Rejects with an EkvError: `RESOURCE_EXHAUSTED` when disk or
   * memory is full, `FAILED_PRECONDITION` when its folder is not where it was, `INTERNAL` otherwise; then nothing of the
   * batch was committed. `OUTCOME_UNKNOWN`: a sync failed. No read sees the batch, no more writes are taken, and the next
   * start may find it or not.
   */
  commit(batch: readonly EngineWrite[]): Promise<void>;
  /**
   * Entries of a generation in byte order of their keys, all or within bounds. The iterator reads committed state page by page, so a long
   * one sees later commits and holds no old pages; use a snapshot for a frozen view.
   */
  range(
    partition: PartitionId,
    generation: Generation,
    bounds?: EngineRangeBounds,
  ): IterableIterator<EngineEntry>;
  /** Freezes a generation as it is now. */
  snapshot(partition: PartitionId, generation: Generation): EngineSnapshot;
  /**
   * At most `limit` keys of records whose expiry is at or before `wallMs`, oldest first to within a second. `behind` is
   * the position of a key found earlier: the answer goes on after that key. Fewer than `limit`: there are no more, or they
   * have to wait, for the end of the second that `wallMs` is in or until thousands of keys of a dropped generation are
   * forgotten. A later call, without `behind`, finds them.
   */
  expired(wallMs: number, limit: number, behind?: Uint8Array): readonly ExpiredKey[];
  /** The generations that have data or counters, ascending by partition, then generation. */
  listGenerations(): readonly GenerationName[];
  /**
   * Deletes a generation's data and counters in one commit. Resolves and rejects as {@link commit}, also when there is
   * nothing to delete.
   */
  dropGeneration(partition: PartitionId, generation: Generation): Promise<void>;
  /** Why growing writes are refused now, in words; undefined: they are not. Asks the disk: not for every call. */
  problem(): string | undefined;
  /** Makes every commit so far survive a power loss. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

import sortedBTree from "sorted-btree";
import { PositionSet } from "./position-set.js";
import type { Position } from "./segments.js";

const BTree = sortedBTree.default;

/** Entries that expire within so many milliseconds of each other lie together, in no order. */
const bucketMs = 1000;

/** Where a walk through the index stands. */
export interface ExpiryCursor {
  readonly bucket: number;
  readonly slot: number;
}

/** An entry that expires. */
export interface ExpiringEntry extends ExpiryCursor {
  readonly position: Position;
}

/** The entries that expire, by time: in memory alone, rebuilt when the log is opened. */
export class ExpiryIndex {
  readonly #buckets = new BTree<number, PositionSet>();

  /** Bytes of the buckets. */
  byteLength = 0;

  add(expiresAtMs: number, position: Position): void {
    const bucket = Math.floor(expiresAtMs / bucketMs);
    let set = this.#buckets.get(bucket);
    if (set === undefined) {
      set = new PositionSet();
      this.#buckets.set(bucket, set);
      this.byteLength += set.byteLength;
    }
    const before = set.byteLength;
    set.add(position);
    this.byteLength += set.byteLength - before;
  }

  remove(expiresAtMs: number, position: Position): void {
    const bucket = Math.floor(expiresAtMs / bucketMs);
    const set = this.#buckets.get(bucket);
    if (set === undefined) return;
    set.delete(position);
    if (set.size > 0) return;
    this.#buckets.delete(bucket);
    this.byteLength -= set.byteLength;
  }

  /** The entries in buckets that begin at or before `wallMs`, oldest bucket first, from behind a cursor. */
  *walk(wallMs: number, behind?: ExpiryCursor): IterableIterator<ExpiringEntry> {
    const last = Math.floor(wallMs / bucketMs);
    for (const [bucket, set] of this.#buckets.entries(behind?.bucket)) {
      if (bucket > last) return;
      let slot = behind?.bucket === bucket ? behind.slot + 1 : 0;
      for (;;) {
        const next = set.next(slot);
        if (next === undefined) break;
        yield { bucket, slot: next.slot, position: next.position };
        slot = next.slot + 1;
      }
    }
  }

  /** Its buckets as they are now, for a checkpoint: they are not copied before they change. */
  *share(): IterableIterator<{ readonly bucket: number; readonly table: Uint32Array }> {
    for (const [bucket, set] of this.#buckets.entries()) yield { bucket, table: set.share() };
  }

  /** Takes up a bucket of a checkpoint, without the entries that are gone. */
  load(bucket: number, table: Uint32Array, isGone: (position: Position) => boolean): void {
    const set = new PositionSet(table);
    for (let next = set.next(0); next !== undefined; next = set.next(next.slot + 1)) {
      if (isGone(next.position)) set.delete(next.position);
    }
    if (set.size === 0) return;
    this.#buckets.set(bucket, set);
    this.byteLength += set.byteLength;
  }
}

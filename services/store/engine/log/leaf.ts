import type { Position, SegmentMap } from "./segments.js";

const slotsMin = 6;
/** Share of its slots that a leaf fills before it grows, and how much it grows by. */
const loadMax = 0.85;
const growth = 1.5;
/** Below this share it shrinks. */
const loadMin = 0.3;

/**
 * Part of a generation's index: a hash table, with open addressing, of the keys between its own lowest and the next leaf's.
 * A slot is 8 bytes, a key's hash and the position of its entry; position 0 is a free slot. It lies outside of the
 * JavaScript heap, and costs 9.5 to 14.2 bytes a key.
 *
 * A slot's place goes by its hash divided by the range of hashes, so that a table need not have 2^n slots.
 */
export class Leaf {
  /** No key of it is less; empty for the first. */
  lowKey: Buffer;
  count = 0;
  /** A snapshot or a checkpoint uses it too: it is copied before it is changed. */
  isShared = false;
  /** Grows with every change. */
  version = 0;
  #table: Uint32Array;
  #slots: number;

  constructor(lowKey: Buffer, table: Uint32Array = new Uint32Array(2 * slotsMin)) {
    this.lowKey = lowKey;
    this.#table = table;
    this.#slots = table.length >> 1;
  }

  /** One of a checkpoint. */
  static of(lowKey: Buffer, count: number, table: Uint32Array): Leaf {
    const leaf = new Leaf(lowKey, table);
    leaf.count = count;
    return leaf;
  }

  /** With everything in it; not shared. */
  clone(): Leaf {
    return Leaf.of(this.lowKey, this.count, this.#table.slice());
  }

  /** Bytes of the table. */
  get byteLength(): number {
    return this.#table.byteLength;
  }

  /** The table itself, for a checkpoint. */
  get table(): Uint32Array {
    return this.#table;
  }

  /** The position of a key's entry; 0: there is none. */
  find(hash: number, segments: SegmentMap, key: Uint8Array, start: number, end: number): Position {
    const table = this.#table;
    const slots = this.#slots;
    for (let i = Math.floor((hash * slots) / 0x1_0000_0000); ;) {
      const position = table[2 * i + 1] as number;
      if (position === 0) return 0;
      if (table[2 * i] === hash && segments.hasKey(position, key, start, end)) return position;
      i += 1;
      if (i === slots) i = 0;
    }
  }

  /** Whether the key with this hash has its entry at `position`. */
  has(hash: number, position: Position): boolean {
    return this.#slotOf(hash, position) >= 0;
  }

  /** Lets a key that is there lead to another entry. */
  replace(hash: number, from: Position, to: Position): void {
    this.#table[2 * this.#slotOf(hash, from) + 1] = to;
    this.version += 1;
  }

  /** Adds a key that is not there. */
  insert(hash: number, position: Position): void {
    if (this.count + 1 > this.#slots * loadMax) this.#resize(Math.ceil(this.#slots * growth));
    this.#place(hash, position);
    this.count += 1;
    this.version += 1;
  }

  /** Takes out the key with this hash whose entry is at `position`. */
  remove(hash: number, position: Position): void {
    const table = this.#table;
    const slots = this.#slots;
    let hole = this.#slotOf(hash, position);
    for (let i = hole; ;) {
      i += 1;
      if (i === slots) i = 0;
      if (table[2 * i + 1] === 0) break;
      const home = Math.floor(((table[2 * i] as number) * slots) / 0x1_0000_0000);
      // It may move up to the hole unless its home lies behind that.
      if ((i - home + slots) % slots >= (i - hole + slots) % slots) {
        table[2 * hole] = table[2 * i] as number;
        table[2 * hole + 1] = table[2 * i + 1] as number;
        hole = i;
      }
    }
    table[2 * hole + 1] = 0;
    this.count -= 1;
    this.version += 1;
    if (slots > 4 * slotsMin && this.count < slots * loadMin) this.#resize(Math.ceil(slots / 2));
  }

  /** The positions of all its entries, in no order. */
  positions(): Uint32Array {
    const found = new Uint32Array(this.count);
    const table = this.#table;
    for (let i = 1, n = 0; i < table.length; i += 2) {
      const position = table[i] as number;
      if (position === 0) continue;
      found[n] = position;
      n += 1;
    }
    return found;
  }

  /** Moves the keys for which `goes` says so to a new leaf. */
  splitOff(lowKey: Buffer, goes: (position: Position) => boolean): Leaf {
    const table = this.#table;
    const moving = new Uint8Array(this.#slots);
    let count = 0;
    for (let i = 0; i < moving.length; i += 1) {
      const position = table[2 * i + 1] as number;
      if (position === 0 || !goes(position)) continue;
      moving[i] = 1;
      count += 1;
    }
    const other = new Leaf(lowKey, new Uint32Array(2 * slotsFor(count)));
    const kept = new Leaf(this.lowKey, new Uint32Array(2 * slotsFor(this.count - count)));
    for (let i = 0; i < moving.length; i += 1) {
      const position = table[2 * i + 1] as number;
      if (position !== 0) (moving[i] === 1 ? other : kept).insert(table[2 * i] as number, position);
    }
    this.#table = kept.#table;
    this.#slots = kept.#slots;
    this.count = kept.count;
    this.version += 1;
    return other;
  }

  /** Takes out every key whose entry is gone. Returns how many. */
  purge(isGone: (position: Position) => boolean): number {
    const gone: number[] = [];
    for (let i = 0; i < this.#table.length; i += 2) {
      const position = this.#table[i + 1] as number;
      if (position !== 0 && isGone(position)) gone.push(this.#table[i] as number, position);
    }
    for (let i = 0; i < gone.length; i += 2) this.remove(gone[i] as number, gone[i + 1] as number);
    return gone.length / 2;
  }

  #slotOf(hash: number, position: Position): number {
    const table = this.#table;
    const slots = this.#slots;
    for (let i = Math.floor((hash * slots) / 0x1_0000_0000); ;) {
      const found = table[2 * i + 1] as number;
      if (found === 0) return -1;
      if (found === position && table[2 * i] === hash) return i;
      i += 1;
      if (i === slots) i = 0;
    }
  }

  #place(hash: number, position: Position): void {
    const table = this.#table;
    const slots = this.#slots;
    let i = Math.floor((hash * slots) / 0x1_0000_0000);
    while (table[2 * i + 1] !== 0) {
      i += 1;
      if (i === slots) i = 0;
    }
    table[2 * i] = hash;
    table[2 * i + 1] = position;
  }

  #resize(slots: number): void {
    const old = this.#table;
    this.#table = new Uint32Array(2 * Math.max(slots, slotsMin));
    this.#slots = this.#table.length >> 1;
    for (let i = 0; i < old.length; i += 2) {
      const position = old[i + 1] as number;
      if (position !== 0) this.#place(old[i] as number, position);
    }
  }
}

function slotsFor(keys: number): number {
  return Math.max(slotsMin, Math.ceil((keys + 1) / loadMax));
}

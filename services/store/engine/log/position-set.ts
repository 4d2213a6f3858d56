import type { Position } from "./segments.js";

const slotsMin = 8;
/** In place of a position that was taken out. No entry begins this near to the end of a segment. */
const removed = 0xffff_ffff;

/** A set of positions outside of the JavaScript heap: open addressing, 6 to 16 bytes each. */
export class PositionSet {
  #table: Uint32Array;
  #used = 0;
  /** A checkpoint uses the table too: it is copied before it is changed. */
  #isShared = false;
  size = 0;

  constructor(table: Uint32Array = new Uint32Array(slotsMin)) {
    this.#table = table;
    for (const position of table) {
      if (position === 0) continue;
      this.#used += 1;
      if (position !== removed) this.size += 1;
    }
  }

  get byteLength(): number {
    return this.#table.byteLength;
  }

  /** The table as it is now; it does not change any more, this set goes on with a copy. */
  share(): Uint32Array {
    this.#isShared = true;
    return this.#table;
  }

  add(position: Position): void {
    if ((this.#used + 1) * 4 > this.#table.length * 3) this.#rebuild();
    this.#own();
    this.#place(position);
    this.size += 1;
  }

  delete(position: Position): void {
    this.#own();
    const table = this.#table;
    const mask = table.length - 1;
    for (let i = slotOf(position) & mask; table[i] !== 0; i = (i + 1) & mask) {
      if (table[i] !== position) continue;
      table[i] = removed;
      this.size -= 1;
      return;
    }
  }

  /**
   * The first position from slot `from` on, and its slot; undefined behind the last. Slots stay while nothing is added.
   */
  next(from: number): { readonly slot: number; readonly position: Position } | undefined {
    for (let slot = from; slot < this.#table.length; slot += 1) {
      const position = this.#table[slot] as number;
      if (position !== 0 && position !== removed) return { slot, position };
    }
    return undefined;
  }

  #own(): void {
    if (!this.#isShared) return;
    this.#table = this.#table.slice();
    this.#isShared = false;
  }

  #place(position: Position): void {
    const table = this.#table;
    const mask = table.length - 1;
    let i = slotOf(position) & mask;
    while (table[i] !== 0) i = (i + 1) & mask;
    table[i] = position;
    this.#used += 1;
  }

  #rebuild(): void {
    const old = this.#table;
    let length = slotsMin;
    while (length < (this.size + 1) * 2) length *= 2;
    this.#table = new Uint32Array(length);
    this.#isShared = false;
    this.#used = 0;
    for (const position of old) if (position !== 0 && position !== removed) this.#place(position);
  }
}

function slotOf(position: Position): number {
  return Math.imul(position, 0x9e37_79b1) >>> 8;
}

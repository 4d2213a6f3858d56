import type { Random } from "../../../services/core/ports/random.js";

/** Seeded randomness (splitmix32): the same seed gives the same numbers. Each part of a simulation has a fork of its own. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  fraction(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = this.#state ^ (this.#state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  }

  hex(bytes: number): string {
    let text = "";
    for (let i = 0; i < bytes; i += 1) text += this.below(256).toString(16).padStart(2, "0");
    return text;
  }

  /** A whole number from 0 to `end - 1`. */
  below(end: number): number {
    return Math.floor(this.fraction() * end);
  }

  /** Between the two, uniformly. */
  between(least: number, most: number): number {
    return least + this.fraction() * (most - least);
  }

  /** True this often. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of several. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }

  /** Randomness of its own for a part: what one part draws changes nothing for another. */
  fork(name: string): SeededRandom {
    let seed = this.#state;
    for (let i = 0; i < name.length; i += 1) seed = Math.imul(seed ^ name.charCodeAt(i), 0x01000193);
    return new SeededRandom(seed);
  }
}

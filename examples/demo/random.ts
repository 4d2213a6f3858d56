/** A generator that gives the same numbers for the same seed, so that a run can be repeated. */
export class SeededRandom {
  #state: number;

  /** `seed`: any whole number; its low 32 bits count. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A Weyl sequence through MurmurHash3's finaliser, the construction of SplitMix (Steele et al. 2014) in 32 bits. */
  #next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    const first = Math.imul(this.#state ^ (this.#state >>> 16), 0x85ebca6b);
    const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35);
    return (second ^ (second >>> 16)) >>> 0;
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    return this.#next() / 0x1_0000_0000;
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of the options, in proportion to their weights. */
  pick<T extends string>(weights: Readonly<Record<T, number>>): T {
    const options = Object.entries(weights) as [T, number][];
    let rest = this.fraction() * options.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [option, weight] of options) {
      rest -= weight;
      if (rest < 0) return option;
    }
    throw new RangeError("nothing to pick from");
  }

  /** Another generator, whose numbers do not depend on how many this one gave since. */
  fork(): SeededRandom {
    return new SeededRandom(this.#next());
  }
}

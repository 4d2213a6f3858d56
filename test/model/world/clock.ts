import type { SeededRandom } from "../../simulation/world/random.js";

/** How far the rate of a clock may be off, either way. */
export const driftMax = 0.07;

/** Much longer ago than anything. */
export const longAgo = -1e9;

/** A machine's monotonic clock: it begins anywhere and runs a little too fast or too slow. */
export class DriftingClock {
  readonly #trueNow: () => number;
  readonly #offset: number;
  readonly #rate: number;

  constructor(trueNow: () => number, random: SeededRandom, drifts: boolean) {
    this.#trueNow = trueNow;
    this.#offset = random.below(50);
    this.#rate = drifts ? random.between(1 - driftMax, 1 + driftMax) : 1;
  }

  now(): number {
    return this.#offset + this.#trueNow() * this.#rate;
  }
}

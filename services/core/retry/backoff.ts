import { limits } from "../limits.js";
import type { Random } from "../ports/random.js";

/** How long a retry loop waits between attempts. */
export interface BackoffLimits {
  /** Longest wait after the first failure, in milliseconds. */
  readonly firstMs: number;
  /** Longest wait after any number of failures, in milliseconds. */
  readonly maxMs: number;
}

/**
 * How long to wait after the `failures`-th failure in a row, in milliseconds. The longest wait doubles at each failure, up
 * to `maxMs`; the wait is a random part of it, from half to the whole, so that those who failed together do not come back
 * together. `fraction` is uniform in [0, 1).
 */
export function decideBackoffMs(bounds: BackoffLimits, failures: number, fraction: number): number {
  const longestMs = Math.min(bounds.maxMs, bounds.firstMs * 2 ** Math.max(0, failures - 1));
  return (longestMs * (1 + fraction)) / 2;
}

/** The waits of one retry loop: exponential with jitter, see {@link decideBackoffMs}. */
export class Backoff {
  readonly #bounds: BackoffLimits;
  readonly #random: Pick<Random, "fraction">;
  #failures = 0;

  constructor(bounds: BackoffLimits, random: Pick<Random, "fraction">) {
    this.#bounds = bounds;
    this.#random = random;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * Counts a failure, and returns how long to wait before the next attempt, in milliseconds. `askedMs` is the wait that the
   * other side asked for, `retryAfterMsMax` at most; the result is never shorter, and up to half as long again, because others
   * were asked the same.
   */
  failed(askedMs = 0): number {
    this.#failures += 1;
    const fraction = this.#random.fraction();
    const ownMs = decideBackoffMs(this.#bounds, this.#failures, fraction);
    const heededMs = Math.min(askedMs, limits.retryAfterMsMax);
    return Math.max(ownMs, heededMs * (1 + fraction / 2));
  }

  /** An attempt succeeded: the next wait is short again. */
  succeeded(): void {
    this.#failures = 0;
  }
}

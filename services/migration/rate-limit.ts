import type { Clock } from "../core/ports/clock.js";

/** A token bucket over bytes, holding at most one second's worth; shared by all moves of a source. */
export class RateLimit {
  readonly #clock: Clock;
  #bytesPerSecond = 0;
  #tokens = 0;
  #refilledMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sets the rate; 0: no limit. */
  set(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Spends bytes, into debt if need be, and returns the milliseconds to wait before sending more. */
  spend(bytes: number): number {
    if (this.#bytesPerSecond === 0) return 0;
    const nowMs = this.#clock.nowMs();
    const refill = ((nowMs - this.#refilledMs) / 1000) * this.#bytesPerSecond;
    this.#tokens = Math.min(this.#bytesPerSecond, this.#tokens + refill) - bytes;
    this.#refilledMs = nowMs;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#bytesPerSecond) * 1000;
  }
}

import { limits } from "../services/core/limits.js";

/**
 * A store's clock on one stream, as far as the client can tell: never ahead of the store's. What a store sent at 100 and is
 * read here at 5 shows that the store's clock is at least 95 ahead of this one; the most that any answer of the last half
 * minute showed is believed, so that neither a slow answer nor clocks that drift apart spoil it.
 *
 * Times are in milliseconds, by this machine's monotonic clock unless they are the store's.
 */
export class StreamClock {
  /** The most that was shown in the present window and in the one before. */
  #present = -Infinity;
  #former = -Infinity;
  #windowEndMs = -Infinity;
  #heardMs = -Infinity;

  /** The store's clock was at `storeMs`, or later, at `nowMs`. */
  heard(storeMs: number, nowMs: number): void {
    if (nowMs >= this.#windowEndMs) {
      this.#former = this.#present;
      this.#present = -Infinity;
      this.#windowEndMs = nowMs + limits.streamClockWindowMs;
    }
    this.#heardMs = nowMs;
    this.#present = Math.max(this.#present, storeMs - nowMs);
  }

  /** What the store's clock shows at `nowMs` at least; undefined when nothing was heard for two windows. */
  at(nowMs: number): number | undefined {
    if (nowMs - this.#heardMs > 2 * limits.streamClockWindowMs) return undefined;
    return nowMs + Math.max(this.#present, this.#former);
  }
}

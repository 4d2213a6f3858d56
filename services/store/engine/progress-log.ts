import type { Clock } from "../../core/ports/clock.js";
import type { Logger } from "../../runtime/log.js";

/** Work that takes less goes without a line, in milliseconds. */
const firstMs = 2000;
const everyMs = 5000;

/** Says how far some long work is: a line after 2 s, then one every 5 s, with the seconds that it will take still. */
export class ProgressLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #text: string;
  readonly #sinceMs: number;
  readonly #first: number;
  #nextMs: number;

  /**
   * @param text what is done, for the line
   * @param done how much had been done before, of what {@link note} counts
   */
  constructor(log: Logger, clock: Clock, text: string, done = 0) {
    this.#log = log;
    this.#clock = clock;
    this.#text = text;
    this.#first = done;
    this.#sinceMs = clock.nowMs();
    this.#nextMs = this.#sinceMs + firstMs;
  }

  /** Takes note of how much is done, and of how much there is. */
  note(done: number, of: number): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs < this.#nextMs || done >= of) return;
    this.#nextMs = nowMs + everyMs;
    const now = done - this.#first;
    const secondsLeft = now > 0 ? Math.ceil(((nowMs - this.#sinceMs) * (of - done)) / now / 1000) : "unknown";
    this.#log.info(this.#text, { percent: Math.floor((100 * done) / of), secondsLeft });
  }
}

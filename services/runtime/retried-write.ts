import { Backoff } from "../core/retry/backoff.js";
import { backoffs } from "../core/limits.js";
import type { Clock, Timer } from "../core/ports/clock.js";
import type { Random } from "../core/ports/random.js";

/** How a {@link RetriedWrite} writes. */
export interface RetriedWriteOptions<T> {
  readonly write: (value: T) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  /** Called when the first attempt of a value has failed. */
  readonly onFailure: (error: Error) => void;
}

/**
 * Keeps something written that runs do not depend on, such as which process runs: what cannot be written now, for the disk
 * is full, is tried again until it is written or replaced by a newer value. Writes never overlap.
 */
export class RetriedWrite<T> {
  readonly #options: RetriedWriteOptions<T>;
  readonly #backoff: Backoff;
  #last: Promise<void> = Promise.resolve();
  /** Of the newest value. */
  #ordinal = 0;
  #retry: Timer | undefined;
  #failure: Error | undefined;

  constructor(options: RetriedWriteOptions<T>) {
    this.#options = options;
    this.#backoff = new Backoff(backoffs.storeDisk, options.random);
  }

  /** Why the newest value is not written yet, in words; undefined: it is. */
  get problem(): string | undefined {
    return this.#failure?.message;
  }

  /** Resolves when the value is written, or the first attempt has failed; never rejects. */
  set(value: T): Promise<void> {
    this.close();
    this.#ordinal += 1;
    return this.#write(value, this.#ordinal, true);
  }

  /** Tries no more. */
  close(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#ordinal += 1;
  }

  #write(value: T, ordinal: number, isFirst: boolean): Promise<void> {
    this.#last = this.#last.then(async () => {
      if (ordinal !== this.#ordinal) return;
      try {
        await this.#options.write(value);
        this.#failure = undefined;
        this.#backoff.succeeded();
      } catch (error) {
        this.#failure = error instanceof Error ? error : new Error(String(error));
        if (isFirst) this.#options.onFailure(this.#failure);
        if (ordinal !== this.#ordinal) return;
        this.#retry = this.#options.clock.setTimer(this.#backoff.failed(), () => {
          void this.#write(value, ordinal, false);
        });
      }
    });
    return this.#last;
  }
}

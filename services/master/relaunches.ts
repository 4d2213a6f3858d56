import type { StoreId } from "../core/ids.js";
import { backoffs } from "../core/limits.js";
import type { Clock } from "../core/ports/clock.js";
import type { Random } from "../core/ports/random.js";
import { Backoff } from "../core/retry/backoff.js";

/** What {@link Relaunches} works with. */
export interface RelaunchOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Whether the store is still to be launched. Asked when a launch has failed, and again when its wait is over. */
  readonly isWanted: (storeId: StoreId) => boolean;
  readonly launch: (storeId: StoreId) => void;
}

/** Tries launches that failed again, each with the back-off `launch`, for as long as they are wanted. */
export class Relaunches {
  readonly #options: RelaunchOptions;
  readonly #backoffs = new Map<StoreId, Backoff>();

  constructor(options: RelaunchOptions) {
    this.#options = options;
  }

  /** A launch has ended. */
  ended(storeId: StoreId, failed: boolean): void {
    const { clock, random, isWanted, launch } = this.#options;
    if (!failed || !isWanted(storeId)) {
      this.#backoffs.delete(storeId);
      return;
    }
    let backoff = this.#backoffs.get(storeId);
    if (backoff === undefined) {
      backoff = new Backoff(backoffs.launch, random);
      this.#backoffs.set(storeId, backoff);
    }
    clock.setTimer(backoff.failed(), () => {
      if (isWanted(storeId)) launch(storeId);
      else this.#backoffs.delete(storeId);
    });
  }
}

import type { Clock, Timer } from "../core/ports/clock.js";

/** How often a departing store looks whether its master is still there. */
const lookMs = 250;
/** A master that has been out of reach for this long cannot see to the store being emptied. */
const masterAbsentMsMax = 5000;

/** How a departure ended: the store holds nothing more, or stays what it is and why. */
export type Parting = { readonly kind: "emptied" } | { readonly kind: "with-data"; readonly reason: string };

/** What a departure works with. */
export interface DepartureOptions {
  readonly clock: Clock;
  /** How long being emptied may take. */
  readonly timeoutMs: number;
  /** The master is to be told now. */
  readonly report: () => void;
  /** Whether the master can be told. */
  readonly isConnected: () => boolean;
}

/**
 * A store that is stopped for good: it asks its master to be emptied, and serves on until it is. It ends when the master
 * orders the shutdown of the empty store, says that it will not be emptied, cannot be reached for 5 s, or takes longer
 * than allowed; in the last three cases the data stays where it is.
 */
export class Departure {
  readonly #options: DepartureOptions;
  #end: ((parting: Parting) => void) | undefined;
  #timer: Timer | undefined;

  constructor(options: DepartureOptions) {
    this.#options = options;
  }

  /** Whether the store asks to be emptied now. */
  get isUnderWay(): boolean {
    return this.#end !== undefined;
  }

  /** Begins, once. */
  begin(): Promise<Parting> {
    const { clock, report, timeoutMs } = this.#options;
    const startedMs = clock.nowMs();
    let connectedMs = startedMs;
    const look = (): void => {
      const nowMs = clock.nowMs();
      if (this.#options.isConnected()) connectedMs = nowMs;
      if (nowMs - startedMs > timeoutMs) {
        this.#finish({ kind: "with-data", reason: `it was not empty after ${timeoutMs} ms` });
      } else if (nowMs - connectedMs > masterAbsentMsMax) {
        this.#finish({ kind: "with-data", reason: "no master could be reached" });
      } else this.#timer = clock.setTimer(lookMs, look);
    };
    return new Promise((resolve) => {
      this.#end = resolve;
      report();
      look();
    });
  }

  /** The master ordered the store to stop: it is empty. */
  emptied(): void {
    this.#finish({ kind: "emptied" });
  }

  /** The master said that the store will not be emptied. */
  stay(reason: string): void {
    this.#finish({ kind: "with-data", reason });
  }

  #finish(parting: Parting): void {
    const end = this.#end;
    this.#end = undefined;
    this.#timer?.cancel();
    end?.(parting);
  }
}

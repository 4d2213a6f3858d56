/** The watches of each signal. Those of a whole process share one listener: Node warns of more than ten on one signal. */
const watchesOf = new WeakMap<AbortSignal, Shared>();

interface Shared {
  readonly watches: Set<AbortWatch>;
  readonly listener: () => void;
}

/** Calls back when a signal is aborted, until it is stopped. A signal that is aborted already never calls back. */
export class AbortWatch {
  readonly #signal: AbortSignal;
  readonly #aborted: () => void;

  constructor(signal: AbortSignal, aborted: () => void) {
    this.#signal = signal;
    this.#aborted = aborted;
    const known = watchesOf.get(signal);
    if (known) {
      known.watches.add(this);
      return;
    }
    const watches = new Set<AbortWatch>([this]);
    const listener = (): void => {
      for (const watch of watches) watch.#aborted();
    };
    watchesOf.set(signal, { watches, listener });
    signal.addEventListener("abort", listener);
  }

  /** Ends the watch; the last one of a signal takes the listener off. */
  stop(): void {
    const shared = watchesOf.get(this.#signal);
    if (shared === undefined || !shared.watches.delete(this) || shared.watches.size > 0) return;
    watchesOf.delete(this.#signal);
    this.#signal.removeEventListener("abort", shared.listener);
  }
}

import type { PendingCall } from "./pending-call.js";

interface SentBatch {
  readonly first: number;
  /** Index = call number - first; undefined once answered. */
  readonly calls: (PendingCall | undefined)[];
  open: number;
  /** It is one call with a long value. */
  readonly isLong: boolean;
}

/**
 * Calls of one stream that were sent and not answered, by number. Numbers only grow, and calls are answered nearly in their
 * order, so the batches themselves are the table: nothing is inserted, moved or hashed for a call.
 */
export class SentCalls {
  /** Ascending; batches that are answered whole are taken out. */
  readonly #batches: SentBatch[] = [];
  #size = 0;
  #longOpen = 0;

  /** Calls not answered. */
  get size(): number {
    return this.#size;
  }

  /** Calls with a long value that are not answered. */
  get longOpen(): number {
    return this.#longOpen;
  }

  /** Takes a batch over; its calls are numbered from `first`, which is above every number before. */
  add(first: number, calls: (PendingCall | undefined)[], isLong = false): void {
    this.#batches.push({ first, calls, open: calls.length, isLong });
    if (isLong) this.#longOpen += 1;
    this.#size += calls.length;
  }

  /** The call of a number, which is answered; undefined when there is none, or not any more. */
  take(number: number): PendingCall | undefined {
    const at = this.#find(number);
    const batch = this.#batches[at];
    const call = batch?.calls[number - batch.first];
    if (batch === undefined || call === undefined) return undefined;
    batch.calls[number - batch.first] = undefined;
    batch.open -= 1;
    this.#size -= 1;
    if (batch.open === 0) {
      this.#batches.splice(at, 1);
      if (batch.isLong) this.#longOpen -= 1;
    }
    return call;
  }

  /** Takes all that is left, in the order of sending. */
  takeAll(): PendingCall[] {
    const left = this.#batches.flatMap(({ calls }) => calls.filter((call) => call !== undefined));
    this.#batches.length = 0;
    this.#size = 0;
    this.#longOpen = 0;
    return left;
  }

  /** The last batch that begins at or before a number; -1: none. Mostly it is the first of few. */
  #find(number: number): number {
    const batches = this.#batches;
    let low = 0;
    let high = batches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((batches[middle] as SentBatch).first <= number) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

import type { Clock } from "../ports/clock.js";

/** A turn that takes longer than this keeps its callers waiting, in milliseconds: a piece takes one or two. */
const longTurnMs = 3;
/** How long background work waits then, in milliseconds. */
const yieldMs = 12;
/**
 * Spreads a store's background work (copies that come in, data that is deleted) over turns of the event loop: one piece
 * begins in each, so that calls and hand-offs get in between however many partitions move.
 */
export class Turns {
  readonly #pause: () => Promise<void>;
  /** Ends when the next piece may begin. */
  #next: Promise<void> = Promise.resolve();

  /** @param pause lets other work run; must not reject */
  constructor(pause: () => Promise<void>) {
    this.#pause = pause;
  }

  /** Begins a piece when its turn comes, behind those asked for before; its commit may end later. Settles as it does. */
  run<T>(piece: () => Promise<T>): Promise<T> {
    const done = this.#next.then(piece);
    this.#next = this.#next.then(this.#pause);
    return done;
  }
}

/**
 * A pause of {@link Turns} that leaves the store to its callers where there is too little of it: to the end of the turn,
 * and for 12 ms more when that took long and calls were served.
 *
 * @param callsServed how many there were since the start
 */
export function pauseBehindCalls(
  clock: Pick<Clock, "nowMs" | "endOfTurn" | "setTimer">,
  callsServed: () => number,
): () => Promise<void> {
  let served = callsServed();
  return () =>
    new Promise((resolve) => {
      const startedMs = clock.nowMs();
      clock.endOfTurn(() => {
        const hasCallers = callsServed() !== served;
        served = callsServed();
        if (hasCallers && clock.nowMs() - startedMs > longTurnMs) clock.setTimer(yieldMs, resolve);
        else resolve();
      });
    });
}

/** A pause of {@link Turns} for work that can wait: `waitMs` while there is something `urgent`, else none. */
export function pauseWhileUrgent(
  clock: Pick<Clock, "setTimer">,
  urgent: () => boolean,
  waitMs: number,
): () => Promise<void> {
  return async () => {
    if (urgent()) await new Promise<void>((resolve) => clock.setTimer(waitMs, resolve));
  };
}

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

interface Event {
  readonly atMs: number;
  readonly run: () => void;
}

/** True time: what is due comes in its order. */
export class Timeline {
  readonly #events: Event[] = [];
  nowMs = 0;

  at(atMs: number, run: () => void): void {
    const before = this.#events.findLastIndex((event) => event.atMs <= atMs);
    this.#events.splice(before + 1, 0, { atMs, run });
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run);
  }

  runUntil(endMs: number): void {
    for (let next = this.#events.shift(); next && next.atMs <= endMs; next = this.#events.shift()) {
      this.nowMs = next.atMs;
      next.run();
    }
  }
}

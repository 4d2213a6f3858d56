import type { Clock, Timer } from "../../services/core/ports/clock.js";

/** Time that passes when a test says so. What waits for the end of a turn gets it. */
export class ManualClock implements Clock {
  #nowMs = 1_000_000;
  readonly #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  endOfTurn(callback: () => void): void {
    setImmediate(callback);
  }

  /** Lets time pass, and the timers fire that are due by then, each once. */
  pass(ms: number): void {
    this.#nowMs += ms;
    const due = [...this.#timers].filter(({ atMs }) => atMs <= this.#nowMs);
    for (const timer of due.toSorted((a, b) => a.atMs - b.atMs)) {
      if (this.#timers.delete(timer)) timer.callback();
    }
  }
}

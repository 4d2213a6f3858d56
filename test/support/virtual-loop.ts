import type { Clock, Timer } from "../../services/core/ports/clock.js";

interface VirtualTimer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** An event loop on virtual time: time passes only where {@link VirtualLoop.spend} says that something took it. */
export class VirtualLoop implements Clock {
  #nowMs = 0;
  #ends: (() => void)[] = [];
  readonly #timers = new Set<VirtualTimer>();

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
    this.#ends.push(callback);
  }

  /** Work that took so long. */
  spend(ms: number): void {
    this.#nowMs += ms;
  }

  /** One turn: timers that are due, then what callers do, then what waits for the end of the turn. */
  async turn(callers: () => void | Promise<void>): Promise<void> {
    for (const timer of [...this.#timers]) {
      if (timer.atMs <= this.#nowMs && this.#timers.delete(timer)) timer.callback();
    }
    await callers();
    for (const callback of this.#ends.splice(0)) callback();
    // Promises settle between two turns.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

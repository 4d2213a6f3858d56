import type { Clock, Timer } from "../../../services/core/ports/clock.js";
import type { SeededRandom } from "../../simulation/world/random.js";

interface Waiting {
  readonly atMs: number;
  readonly callback: () => void;
}

/**
 * The event loop and the disk of one process: what the process waits for happens when this lets it, one thing at a time. Time
 * passes only when nothing else is left to do, or when the driver says so.
 */
export class Schedule implements Clock {
  readonly #random: SeededRandom | undefined;
  #nowMs = 1_000_000;
  #work: (() => void)[] = [];
  readonly #timers = new Set<Waiting>();

  /** Without randomness, work happens in the order in which it was asked for. */
  constructor(random?: SeededRandom) {
    this.#random = random;
  }

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
    this.#work.push(callback);
  }

  /** What the disk does meanwhile: it happens later, and then the promise resolves. */
  later<T>(effect: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#work.push(() => {
        try {
          resolve(effect());
        } catch (error) {
          reject(error as Error);
        }
      });
    });
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Lets one thing happen that needs no time. False: there is none. */
  step(): boolean {
    const index = this.#random ? this.#random.below(this.#work.length) : 0;
    const [next] = this.#work.splice(index, 1);
    next?.();
    return next !== undefined;
  }

  /** Lets the timer fire that is due next. False: there is none. */
  passTime(): boolean {
    let next: Waiting | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.atMs < next.atMs) next = timer;
    if (next === undefined) return false;
    this.#timers.delete(next);
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.callback();
    return true;
  }

  /** Lets whatever follows from the last step follow. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Steps until a promise is settled. Rejects as the promise does, or when there is nothing left that it could wait for. */
  async until<T>(what: string, promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = (): void => void (isSettled = true);
    promise.then(settled, settled);
    await Promise.resolve();
    let idle = 0;
    while (!isSettled) {
      await this.settle();
      if (isSettled) break;
      if (this.step() || this.passTime()) idle = 0;
      else if ((idle += 1) > 50) throw new Error(`${what} waits for nothing`);
    }
    return promise;
  }

  /** The process is gone: nothing that it waits for happens. */
  stop(): void {
    this.#work = [];
    this.#timers.clear();
  }
}

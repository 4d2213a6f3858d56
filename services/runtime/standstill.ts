import { limits } from "../core/limits.js";
import { repeat } from "../core/repeat.js";
import type { Clock, Timer } from "../core/ports/clock.js";

/** Turns of the event loop in which a backlog of the time that the process stood still is read. */
const backlogTurns = 3;

/**
 * Notices that the process stood still: it was stopped, its machine was paused, or one piece of work took all of its time. What
 * came meanwhile waited in the operating system, which does not say since when. So everything that is read in the first
 * turns afterwards counts as having come when the process was last seen to run.
 */
export class Standstill {
  readonly #clock: Clock;
  #timer: Timer | undefined;
  /** When the process was last seen to run. */
  #beatMs: number;
  /** While the backlog is read: since when the process stood still. */
  #sinceMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beatMs = clock.nowMs();
  }

  start(): void {
    this.#beatMs = this.#clock.nowMs();
    this.#timer = repeat(this.#clock, limits.standstillLookMs, () => this.#look(this.#clock.nowMs()));
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** The earliest that what is read now can have come, by the monotonic clock, in milliseconds. */
  arrivedMs(): number {
    const nowMs = this.#clock.nowMs();
    // What woke the process is read before its timers run.
    if (nowMs - this.#beatMs > limits.standstillMsMin) this.#look(nowMs);
    return this.#sinceMs ?? nowMs;
  }

  #look(nowMs: number): void {
    if (this.#sinceMs === undefined && nowMs - this.#beatMs > limits.standstillMsMin) {
      this.#sinceMs = this.#beatMs;
      this.#afterTurns(backlogTurns);
    }
    this.#beatMs = nowMs;
  }

  #afterTurns(turns: number): void {
    this.#clock.endOfTurn(() => {
      if (turns > 1) this.#afterTurns(turns - 1);
      else this.#sinceMs = undefined;
    });
  }
}

import { backoffs } from "../services/core/limits.js";
import type { Clock, Timer } from "../services/core/ports/clock.js";
import type { Random } from "../services/core/ports/random.js";
import { Backoff } from "../services/core/retry/backoff.js";
import type { PendingCall } from "./pending-call.js";

/**
 * Calls to one store that the store refused for the moment. They share one back-off and are repeated together: however many
 * wait, the store is asked once a wait.
 */
export class RefusedCalls {
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #repeat: (calls: readonly PendingCall[]) => void;
  #waiting: PendingCall[] = [];
  #timer: Timer | undefined;
  #holdsAll = false;

  /** `repeat` gets the calls whose wait is over. */
  constructor(clock: Clock, random: Random, repeat: (calls: readonly PendingCall[]) => void) {
    this.#clock = clock;
    this.#backoff = new Backoff(backoffs.refusedCalls, random);
    this.#repeat = repeat;
  }

  /** Whether the store asked for a pause: until it ends, other calls wait too. */
  get holdsAll(): boolean {
    return this.#holdsAll;
  }

  /** Takes a call that was refused. `askedMs`: how long the store asks to wait, in milliseconds; 0: it does not say. */
  add(call: PendingCall, askedMs: number): void {
    this.#waiting.push(call);
    if (askedMs > 0) this.#holdsAll = true;
    // The refusals of one attempt are one failure.
    this.#timer ??= this.#clock.setTimer(this.#backoff.failed(askedMs), () => this.#end());
  }

  /** Takes back the calls that match. */
  recall(matches: (call: PendingCall) => boolean): PendingCall[] {
    if (this.#waiting.length === 0) return [];
    const recalled = this.#waiting.filter(matches);
    if (recalled.length > 0) this.#waiting = this.#waiting.filter((call) => !matches(call));
    return recalled;
  }

  /** A call that had been refused was answered: the next wait is short again. */
  accepted(): void {
    this.#backoff.succeeded();
  }

  /** The store is back: the calls are repeated now, and the next wait is short again. */
  reset(): void {
    this.#backoff.succeeded();
    this.#timer?.cancel();
    this.#end();
  }

  close(): void {
    this.#timer?.cancel();
  }

  #end(): void {
    this.#timer = undefined;
    this.#holdsAll = false;
    const calls = this.#waiting.filter((call) => !call.done);
    this.#waiting = [];
    // All gave up: the next refusal is of other calls, at another time.
    if (calls.length === 0) this.#backoff.succeeded();
    else this.#repeat(calls);
  }
}

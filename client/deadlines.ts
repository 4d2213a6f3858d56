import type { Clock, Timer } from "../services/core/ports/clock.js";
import type { PendingCall } from "./pending-call.js";

const tickMs = 10;

interface List {
  first: PendingCall | undefined;
  last: PendingCall | undefined;
}

/**
 * Watches the deadlines of all calls with one timer. Calls of equal timeouts expire in the order they began, so each
 * such list only needs its head looked at.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #expired: (call: PendingCall) => void;
  readonly #lists = new Map<number, List>();
  #timer: Timer | undefined;
  #size = 0;

  constructor(clock: Clock, expired: (call: PendingCall) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** Calls watched. */
  get size(): number {
    return this.#size;
  }

  add(call: PendingCall): void {
    let list = this.#lists.get(call.timeoutMs);
    if (list === undefined) {
      list = { first: undefined, last: undefined };
      this.#lists.set(call.timeoutMs, list);
    }
    call.previous = list.last;
    if (list.last) list.last.next = call;
    else list.first = call;
    list.last = call;
    this.#size += 1;
    this.#timer ??= this.#clock.setTimer(tickMs, () => this.#tick());
  }

  remove(call: PendingCall): void {
    const list = this.#lists.get(call.timeoutMs);
    if (list === undefined) return;
    if (call.previous) call.previous.next = call.next;
    else list.first = call.next;
    if (call.next) call.next.previous = call.previous;
    else list.last = call.previous;
    call.previous = undefined;
    call.next = undefined;
    this.#size -= 1;
  }

  /** Every call watched. */
  *calls(): IterableIterator<PendingCall> {
    for (const list of this.#lists.values()) {
      for (let call = list.first; call;) {
        const next = call.next;
        yield call;
        call = next;
      }
    }
  }

  close(): void {
    this.#timer?.cancel();
  }

  #tick(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.nowMs();
    for (const [timeoutMs, list] of this.#lists) {
      while (list.first && list.first.deadlineMs <= nowMs) this.#expired(list.first);
      if (!list.first) this.#lists.delete(timeoutMs);
    }
    if (this.#size > 0) this.#timer = this.#clock.setTimer(tickMs, () => this.#tick());
  }
}

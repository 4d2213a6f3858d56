import { limits } from "../services/core/limits.js";
import type { PendingCall } from "./pending-call.js";
import { batchLength } from "./request-batch.js";

/** Whether a call's value is so long that it travels in a message of its own. */
function isLong({ value }: PendingCall): boolean {
  return value !== undefined && value.length > limits.largeValueBytes;
}

/** Calls that wait to be sent to one store. Those with a long value wait apart, and hold up no others. */
export class CallQueue {
  #short: PendingCall[] = [];
  #long: PendingCall[] = [];

  get size(): number {
    return this.#short.length + this.#long.length;
  }

  /** Of these, the calls without a long value. */
  get shortSize(): number {
    return this.#short.length;
  }

  push(call: PendingCall): void {
    if (isLong(call)) this.#long.push(call);
    else this.#short.push(call);
  }

  /** Takes the calls of the next batch, at most so many; those that have ended meanwhile are left out. */
  takeBatch(callsMax: number): PendingCall[] {
    const calls = this.#short;
    const count = batchLength(calls, callsMax);
    const taken = count === calls.length ? calls : calls.slice(0, count);
    this.#short = count === calls.length ? [] : calls.slice(count);
    return taken.filter((call) => !call.done);
  }

  /** Takes the next call with a long value that has not ended. */
  takeLong(): PendingCall | undefined {
    this.#long = this.#long.filter((call) => !call.done);
    return this.#long.shift();
  }

  takeAll(): PendingCall[] {
    const all = this.#long.length === 0 ? this.#short : [...this.#short, ...this.#long];
    this.#short = [];
    this.#long = [];
    return all;
  }

  /** Takes the calls that match. */
  take(matches: (call: PendingCall) => boolean): PendingCall[] {
    if (this.size === 0) return [];
    const all = this.takeAll();
    const taken: PendingCall[] = [];
    for (const call of all) {
      if (matches(call)) taken.push(call);
      else this.push(call);
    }
    return taken;
  }
}

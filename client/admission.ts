import { limits } from "../services/core/limits.js";

interface Waiting {
  readonly bytes: number;
  readonly begin: () => void;
}

/**
 * Decides when the single calls of bulk calls begin. All bulk calls of a connection share a part of the calls in flight, so
 * that other callers find room. Each waits with one call at a time, so what becomes free goes round among them.
 */
export class Admission {
  readonly #callsMax: number;
  readonly #hasRoom: () => boolean;
  readonly #waiting: Waiting[] = [];
  #calls = 0;
  #bytes = 0;
  #admitting = false;

  /** @param hasRoom whether one more call may be in flight at all */
  constructor(callsInFlightMax: number, hasRoom: () => boolean) {
    this.#callsMax = Math.max(1, Math.min(limits.bulkCallsMax, Math.floor(callsInFlightMax / 2)));
    this.#hasRoom = hasRoom;
  }

  /** Counts a call that holds `bytes` and returns true, or returns false and runs `begin` when it is counted. */
  enter(bytes: number, begin: () => void): boolean {
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#count(bytes);
      return true;
    }
    this.#waiting.push({ bytes, begin });
    return false;
  }

  /** Takes back a call that waits. Returns whether it still did. */
  withdraw(begin: () => void): boolean {
    const at = this.#waiting.findIndex((waiting) => waiting.begin === begin);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  /** A counted call has ended. */
  leave(bytes: number): void {
    this.#calls -= 1;
    this.#bytes -= bytes;
    this.admit();
  }

  /** Begins what there is room for. To be called when any call has ended. */
  admit(): void {
    if (this.#waiting.length === 0 || this.#admitting) return;
    this.#admitting = true;
    for (let next = this.#waiting[0]; next && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#count(next.bytes);
      next.begin();
    }
    this.#admitting = false;
  }

  /** A call that holds more than all may hold together goes by itself. */
  #fits(bytes: number): boolean {
    if (this.#calls >= this.#callsMax || !this.#hasRoom()) return false;
    return this.#calls === 0 || this.#bytes + bytes <= limits.bulkBytesMax;
  }

  #count(bytes: number): void {
    this.#calls += 1;
    this.#bytes += bytes;
  }
}

import type { CallOptions } from "../gen/elastickv/v1/store.js";

/** A read of a long value that waits until the answers before it are sent. */
export interface LargeRead {
  readonly call: number;
  /** A copy. */
  readonly key: Uint8Array;
  readonly options: CallOptions | undefined;
  /** By the monotonic clock. */
  readonly deadlineMs: number;
}

/**
 * The answers of one pipeline that hold a long value: they go one at a time, each in a message of its own, so that a
 * client that asks for many costs no more memory than one, and other answers get past them. The next value is read only
 * when its turn comes.
 */
export class LargeAnswers {
  readonly #waiting: LargeRead[] = [];
  readonly #next: (read: LargeRead) => void;
  #isSending = false;

  /** @param next reads a value again whose turn has come, or ends the read */
  constructor(next: (read: LargeRead) => void) {
    this.#next = next;
  }

  /** Whether an answer is on its way, so that a read has to wait. */
  get isSending(): boolean {
    return this.#isSending;
  }

  wait(read: LargeRead): void {
    this.#waiting.push(read);
  }

  /** An answer is being sent; the function that is returned is to be called once it was. */
  begin(): () => void {
    this.#isSending = true;
    return () => {
      this.#isSending = false;
      while (!this.#isSending) {
        const read = this.#waiting.shift();
        if (read === undefined) return;
        this.#next(read);
      }
    };
  }
}

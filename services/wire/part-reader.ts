import { messageTooLong } from "./frame-reader.js";

/** Puts the parts of a long message together; see `PartWriter`. */
export class PartReader {
  readonly #bytesMax: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Whether a message has begun and not ended. */
  get isWithin(): boolean {
    return this.#parts.length > 0;
  }

  /** Takes a part; returns the message's body with the last. Throws RESOURCE_EXHAUSTED beyond the limit. */
  take(part: Buffer, isLast: boolean): Buffer | undefined {
    this.#bytes += part.length;
    if (this.#bytes > this.#bytesMax) throw messageTooLong(this.#bytes, this.#bytesMax);
    this.#parts.push(part);
    if (!isLast) return undefined;
    const body = Buffer.concat(this.#parts, this.#bytes);
    this.#parts = [];
    this.#bytes = 0;
    return body;
  }
}

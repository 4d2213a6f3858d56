import { recordBytesAt, recordStartAt } from "./layout.js";
import type { SegmentMap } from "./segments.js";

/** Records up to this length are handed out as copies in one place: a view of that, made once, is cheaper than one of each. */
const copiedBytes = 512;

/** Hands out records to look at, without making an object for each. */
export class RecordViews {
  readonly #scratch = Buffer.allocUnsafeSlow(copiedBytes);
  /** Of the scratch, by length. */
  readonly #views: Buffer[] = [];

  /** The record that `segments` has located. Valid until the next call. */
  of(segments: SegmentMap): Uint8Array {
    const { bytes, words, start } = segments;
    const from = recordStartAt(words, start);
    const length = recordBytesAt(words, start);
    if (length > copiedBytes) return bytes.subarray(from, from + length);
    const scratch = this.#scratch;
    for (let i = 0; i < length; i += 1) scratch[i] = bytes[from + i] as number;
    return (this.#views[length] ??= scratch.subarray(0, length));
  }
}

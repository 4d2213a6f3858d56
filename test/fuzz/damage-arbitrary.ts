import fc from "fast-check";
import { delimited, tag, varint, wireType } from "./wire-bytes.js";

type Damage = (bytes: Uint8Array) => Uint8Array;

/** A position as a fraction of the message, so that it shrinks with it. */
const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

const damages: fc.Arbitrary<Damage> = fc.oneof(
  place.map(
    (at): Damage =>
      (bytes) =>
        bytes.subarray(0, Math.floor(at * bytes.length)),
  ),
  fc.tuple(place, fc.integer({ min: 1, max: 255 })).map(([at, mask]): Damage => (bytes) => {
    const copy = Uint8Array.from(bytes);
    const index = Math.floor(at * copy.length);
    if (index < copy.length) copy[index] = (copy[index] ?? 0) ^ mask;
    return copy;
  }),
  fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 6 })).map(([at, more]): Damage => (bytes) => {
    const index = Math.floor(at * bytes.length);
    return Buffer.concat([bytes.subarray(0, index), more, bytes.subarray(index)]);
  }),
  // A length, or a number, that says more than there is.
  place.map((at): Damage => (bytes) => {
    const index = Math.floor(at * bytes.length);
    return Buffer.concat([bytes.subarray(0, index), varint(2n ** 32n - 1n), bytes.subarray(index + 1)]);
  }),
  fc.tuple(place, place).map(([from, to]): Damage => (bytes) => {
    const [start, end] = [from, to].map((at) => Math.floor(at * bytes.length)).sort((a, b) => a - b);
    return Buffer.concat([bytes, bytes.subarray(start, end)]);
  }),
);

/** Messages that were whole and are damaged: truncated, changed, stretched, with lengths that say too much. */
export function damagedArbitrary(messages: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(messages, fc.array(damages, { minLength: 1, maxLength: 3 }))
    .map(([bytes, applied]) => applied.reduce((damaged, damage) => damage(damaged), bytes));
}

/** Bytes that were never a message of the type: noise, texts, groups within groups, lengths without end. */
export const noiseArbitrary: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 64 }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom("GET / HTTP/1.1\r\n\r\n", '{"key":"a"}', "PRI * HTTP/2.0")
      .map((text) => Buffer.from(text)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 15 }), fc.constantFrom(1, 99, 101, 20_000))
      .map(([field, depth]) =>
        Buffer.concat(Array.from({ length: depth }, () => tag(field, wireType.startGroup))),
      ),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 15 }).map((field) => delimited(field, Buffer.alloc(0), 2 ** 32 - 1)),
  },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 1, max: 15 })
      .map((field) => Buffer.concat([tag(field, 0), Buffer.alloc(12, 0xff)])),
  },
);

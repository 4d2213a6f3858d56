import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import fc from "fast-check";
import { delimited, double, tag, varint, varintField, wireType } from "./wire-bytes.js";

type Bytes = Uint8Array;

/** Texts that mean something to the cluster under test, so that hostile messages get past the first check. */
export interface Vocabulary {
  readonly texts: readonly string[];
  readonly numbers: readonly bigint[];
}

const none = Buffer.alloc(0);
/** Of a field that is repeated very often: lists within lists grow fast. */
const manyBytesMax = 65_536;

const boundaries32 = [
  0n,
  1n,
  2n,
  3n,
  15n,
  16n,
  127n,
  128n,
  1024n,
  65_535n,
  65_536n,
  2n ** 31n - 1n,
  2n ** 31n,
];
const boundaries64 = [
  ...[2n ** 32n - 1n, 2n ** 32n, 2n ** 48n - 1n, 2n ** 48n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n],
  ...[2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, -1n],
];

const doubles = [0, -0, 1, -1, 0.5, NaN, Infinity, -Infinity, 1e308, 5e-324, -1e308, 2 ** 53];

/** Not UTF-8: a lone continuation byte, an overlong slash, a surrogate, a cut sequence, a byte that never occurs. */
const badTexts = [[0x80], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0x61, 0xf0, 0x9f], [0xff]].map((bytes) =>
  Buffer.from(bytes),
);

const oddTexts = [
  "",
  " ",
  "\0",
  "a\nb\r\n",
  "\u001b[2J",
  "🦊",
  "\u202egnp",
  "x".repeat(63),
  "x".repeat(64),
  "é".repeat(300),
  "🦊".repeat(2000),
  "../../etc",
  "127.0.0.1:1",
  "%00%ff%",
];

function numbers(vocabulary: Vocabulary): fc.Arbitrary<bigint> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...boundaries32, ...vocabulary.numbers) },
    { weight: 2, arbitrary: fc.constantFrom(...boundaries64) },
    { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
  );
}

function texts(vocabulary: Vocabulary): fc.Arbitrary<Bytes> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...vocabulary.texts).map((text) => Buffer.from(text)) },
    { weight: 2, arbitrary: fc.constantFrom(...oddTexts).map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: fc.constantFrom(...badTexts) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 32 }) },
  );
}

const byteStrings: fc.Arbitrary<Bytes> = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0, 1, 4, 16, 1023, 1024, 1025, 1029, 70_000).map((n) => Buffer.alloc(n, 1)),
  },
);

/** A field's value without its tag, and the wire type it has. */
interface Value {
  readonly type: number;
  readonly bytes: Bytes;
}

function lengthPrefixed(content: Bytes): Value {
  return { type: wireType.bytes, bytes: Buffer.concat([varint(BigInt(content.length)), content]) };
}

function scalarValue(scalar: ScalarType, vocabulary: Vocabulary): fc.Arbitrary<Value> {
  switch (scalar) {
    case ScalarType.STRING:
      return texts(vocabulary).map(lengthPrefixed);
    case ScalarType.BYTES:
      return byteStrings.map(lengthPrefixed);
    case ScalarType.DOUBLE:
      return fc.constantFrom(...doubles).map((value) => ({ type: wireType.bit64, bytes: double(value) }));
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => ({ type: wireType.bit64, bytes }));
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => ({ type: wireType.bit32, bytes }));
    default:
      return fc
        .tuple(numbers(vocabulary), fc.constantFrom(0, 0, 0, 1, 9))
        .map(([value, padding]) => ({ type: wireType.varint, bytes: varint(value, padding) }));
  }
}

function valueOf(field: DescField, vocabulary: Vocabulary): fc.Arbitrary<Value> {
  if (field.message) return messageArbitrary(field.message, vocabulary).map(lengthPrefixed);
  if (field.enum) {
    const known = field.enum.values.map(({ number }) => BigInt(number));
    return fc
      .constantFrom(...known, ...known, BigInt(known.length), 99n, 255n, 2n ** 31n, -1n)
      .map((value) => ({ type: wireType.varint, bytes: varint(value) }));
  }
  return scalarValue(field.scalar as ScalarType, vocabulary);
}

function wholeField(number: number, value: fc.Arbitrary<Value>): fc.Arbitrary<Bytes> {
  return value.map(({ type, bytes }) => Buffer.concat([tag(number, type), bytes]));
}

/** The field under a wire type that is not its own. */
function wrongType(number: number): fc.Arbitrary<Bytes> {
  return fc.oneof(
    fc.constantFrom(...boundaries64).map((value) => varintField(number, value)),
    fc.constant(Buffer.concat([tag(number, wireType.bit64), Buffer.alloc(8, 0xff)])),
    fc.constant(Buffer.concat([tag(number, wireType.bit32), Buffer.alloc(4, 0xff)])),
    fc.uint8Array({ maxLength: 12 }).map((bytes) => delimited(number, bytes)),
    fc.constant(Buffer.concat([tag(number, wireType.startGroup), tag(number, wireType.endGroup)])),
    fc.constant(tag(number, wireType.endGroup)),
    fc.constantFrom(6, 7).map((type) => tag(number, type)),
  );
}

function repeatedField(field: DescField, vocabulary: Vocabulary): fc.Arbitrary<Bytes> {
  const value = valueOf(field, vocabulary);
  const few = fc
    .array(wholeField(field.number, value), { maxLength: 4 })
    .map((items) => Buffer.concat(items));
  const many = fc
    .tuple(wholeField(field.number, value), fc.constantFrom(17, 300))
    .map(([item, times]) =>
      Buffer.concat(Array.from({ length: Math.min(times, 1 + manyBytesMax / item.length) }, () => item)),
    );
  const packed = fc
    .array(value, { maxLength: 5 })
    .map((items) => delimited(field.number, Buffer.concat(items.map(({ bytes }) => bytes))));
  return fc.oneof(
    { weight: 4, arbitrary: few },
    { weight: 1, arbitrary: many },
    { weight: 2, arbitrary: packed },
  );
}

function fieldArbitrary(field: DescField, vocabulary: Vocabulary): fc.Arbitrary<Bytes> {
  const present =
    field.fieldKind === "list" || field.fieldKind === "map"
      ? repeatedField(field, vocabulary)
      : wholeField(field.number, valueOf(field, vocabulary));
  return fc.oneof(
    { weight: 12, arbitrary: present },
    { weight: 5, arbitrary: fc.constant(none) },
    // A field that may occur once, twice: the last one counts.
    { weight: 1, arbitrary: fc.tuple(present, present).map((twice) => Buffer.concat(twice)) },
    { weight: 1, arbitrary: wrongType(field.number) },
  );
}

/** Numbers no message has, and the greatest there is. */
const unknownField: fc.Arbitrary<Bytes> = fc
  .constantFrom(99, 18_999, 2 ** 29 - 1)
  .chain((number) => wrongType(number));

/**
 * Messages of a type as bytes: every field absent, present, doubled, of a wrong wire type, with boundary values, in
 * every nesting; unknown fields among them. Made from the descriptor, so that new fields are covered by themselves.
 */
export function messageArbitrary(message: DescMessage, vocabulary: Vocabulary): fc.Arbitrary<Bytes> {
  const fields = message.fields.map((field) => fieldArbitrary(field, vocabulary));
  return fc
    .tuple(
      fc.tuple(...fields),
      fc.oneof({ weight: 7, arbitrary: fc.constant(none) }, { weight: 1, arbitrary: unknownField }),
    )
    .map(([parts, unknown]) => Buffer.concat([...parts, unknown]));
}

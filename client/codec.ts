import { EkvError, invalidArgument } from "../services/core/errors.js";
import { textBytes } from "../services/core/text-bytes.js";
import { callback, nameType, optional, showValue } from "./option-checks.js";

/** How values become bytes and back. */
export interface Codec<V> {
  /** The bytes are sent as they are: do not change them until the call has settled. */
  encode(value: V): Uint8Array;
  /** @param bytes a view into a larger buffer: copy what should outlive it cheaply */
  decode(bytes: Uint8Array): V;
  /** As `decode`, of `bytes[start, end)`; saves making the view. Optional. */
  decodeRange?(bytes: Buffer, start: number, end: number): V;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The bytes of a value. Throws INVALID_ARGUMENT, with what the codec threw as its cause. */
export function encodeValue<V>(codec: Codec<V>, value: V): Uint8Array {
  let bytes: unknown;
  try {
    bytes = codec.encode(value);
  } catch (cause) {
    if (cause instanceof EkvError) throw cause;
    const description = `cannot be encoded by this client's codec: ${String(cause)}`;
    throw new EkvError("INVALID_ARGUMENT", `value: ${description}`, {
      notExecuted: true,
      violations: [{ field: "value", description }],
      cause,
    });
  }
  if (bytes instanceof Uint8Array) return bytes;
  throw invalidArgument(
    "value",
    `was encoded to ${nameType(bytes)} by this client's codec, which must give bytes`,
  );
}

/** The value in `bytes[start, end)`. Throws FAILED_PRECONDITION, with what the codec threw as its cause. */
export function decodeValue<V>(codec: Codec<V>, bytes: Uint8Array, start: number, end: number): V {
  try {
    return codec.decodeRange
      ? codec.decodeRange(asBuffer(bytes), start, end)
      : codec.decode(bytes.subarray(start, end));
  } catch (cause) {
    const message = "the value cannot be decoded by this client's codec";
    throw new EkvError("FAILED_PRECONDITION", message, { cause });
  }
}

/** What is wrong with a codec, if anything. */
export function codecViolation(codec: unknown): string | undefined {
  const parts = codec as Partial<Codec<unknown>> | null | undefined;
  const isCodec =
    typeof parts === "object" &&
    callback(parts?.encode) === undefined &&
    callback(parts?.decode) === undefined &&
    optional(callback)(parts?.decodeRange) === undefined;
  if (isCodec) return undefined;
  return `is ${showValue(codec)}; give codecs.buffer, codecs.string, codecs.json(), or an object with encode and decode`;
}

const bufferCodec: Codec<Buffer> = {
  encode: (value) => value,
  decode: (bytes) => Buffer.from(bytes),
  decodeRange: (bytes, start, end) => {
    const value = Buffer.allocUnsafe(end - start);
    bytes.copy(value, 0, start, end);
    return value;
  },
};

const stringCodec: Codec<string> = {
  encode: (value) => {
    if (typeof value !== "string") throw invalidArgument("value", `is ${nameType(value)}; give a string`);
    return textBytes("value", value, "give it to a client with codecs.buffer or codecs.json()");
  },
  decode: (bytes) => asBuffer(bytes).toString("utf8"),
  decodeRange: (bytes, start, end) => bytes.toString("utf8", start, end),
};

/** The codecs that come with the SDK. */
export const codecs: {
  /** Values are Buffers; what is read is a copy of its own. The default. */
  readonly buffer: Codec<Buffer>;
  /** Values are strings, stored as UTF-8. Refuses lone surrogates, which UTF-8 cannot hold. */
  readonly string: Codec<string>;
  /** Values are whatever JSON can say. */
  json<T>(): Codec<T>;
} = {
  buffer: bufferCodec,
  string: stringCodec,
  json: <T>(): Codec<T> => ({
    encode: (value) => Buffer.from(JSON.stringify(value), "utf8"),
    decode: (bytes) => JSON.parse(asBuffer(bytes).toString("utf8")) as T,
    decodeRange: (bytes, start, end) => JSON.parse(bytes.toString("utf8", start, end)) as T,
  }),
};

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

/** Decodes a value that lies in a column of values. */
export function decodeRange<V>(codec: Codec<V>, bytes: Uint8Array, start: number, end: number): V {
  return codec.decodeRange
    ? codec.decodeRange(asBuffer(bytes), start, end)
    : codec.decode(bytes.subarray(start, end));
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
  encode: (value) => Buffer.from(value, "utf8"),
  decode: (bytes) => asBuffer(bytes).toString("utf8"),
  decodeRange: (bytes, start, end) => bytes.toString("utf8", start, end),
};

/** The codecs that come with the SDK. */
export const codecs: {
  /** Values are Buffers; what is read is a copy of its own. The default. */
  readonly buffer: Codec<Buffer>;
  /** Values are strings, stored as UTF-8. */
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

/** How values become bytes and back. */
export interface Codec<V> {
  /** The bytes are sent as they are: do not change them until the call has settled. */
  encode(value: V): Uint8Array;
  /** @param bytes a view into a larger buffer: copy what should outlive it cheaply */
  decode(bytes: Uint8Array): V;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const bufferCodec: Codec<Buffer> = {
  encode: (value) => value,
  decode: (bytes) => Buffer.from(bytes),
};

const stringCodec: Codec<string> = {
  encode: (value) => Buffer.from(value, "utf8"),
  decode: (bytes) => asBuffer(bytes).toString("utf8"),
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
  }),
};

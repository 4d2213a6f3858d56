import { deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { frame } from "./wire-bytes.js";

/** A body and headers that break the rules of gRPC over HTTP/2, whatever the message. */
export interface FramedBody {
  readonly body: readonly Uint8Array[];
  readonly headers: Readonly<Record<string, string>>;
}

const noHeaders = {};

const bodies: fc.Arbitrary<FramedBody> = fc.oneof(
  fc.constant({ body: [], headers: noHeaders }),
  fc.uint8Array({ maxLength: 4 }).map((head) => ({ body: [head], headers: noHeaders })),
  fc
    .tuple(fc.uint8Array({ maxLength: 20 }), fc.constantFrom(0, 1, 21, 1_000_000, 2 ** 31, 2 ** 32 - 1))
    .map(([message, claimed]) => ({ body: [frame(message, 0, claimed)], headers: noHeaders })),
  fc
    .integer({ min: 0, max: 255 })
    .map((flag) => ({ body: [frame(Buffer.alloc(0), flag)], headers: noHeaders })),
  // Frames byte by byte, and several where one is expected.
  fc.integer({ min: 2, max: 6 }).map((times) => ({
    body: Array.from({ length: times }, () => frame(Buffer.alloc(0))),
    headers: noHeaders,
  })),
  fc.uint8Array({ minLength: 5, maxLength: 12 }).map((bytes) => ({
    body: [...frame(bytes)].map((byte) => Buffer.of(byte)),
    headers: noHeaders,
  })),
);

const compressed: fc.Arbitrary<FramedBody> = fc
  .tuple(
    fc.constantFrom("gzip", "deflate", "br", "identity", "snappy", ""),
    fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc.uint8Array({ maxLength: 30 }).map((bytes) => gzipSync(bytes)),
      fc.uint8Array({ maxLength: 30 }).map((bytes) => deflateSync(bytes)),
      fc.constant(gzipSync(Buffer.alloc(40_000_000))),
      fc.constant(gzipSync(Buffer.alloc(100)).subarray(0, 12)),
    ),
  )
  .map(([encoding, bytes]) => ({ body: [frame(bytes, 1)], headers: { "grpc-encoding": encoding } }));

const oddHeaders: fc.Arbitrary<FramedBody> = fc
  .constantFrom<Readonly<Record<string, string>>>(
    { "content-type": "application/json" },
    { "content-type": "application/grpc-web" },
    { "grpc-timeout": "1000000000000S" },
    { "grpc-timeout": "-1S" },
    { "grpc-timeout": "99999999H" },
    { "grpc-timeout": "S" },
    { "x-request-id": "x".repeat(8000) },
    { "ekv-forwarded": "yes" },
    { "elastickv-error-bin": "////not base64////" },
    { "a-bin": "%%%" },
    { "grpc-accept-encoding": "zstd,,;;" },
    { "user-agent": "\t" },
  )
  .map((headers) => ({ body: [frame(Buffer.alloc(0))], headers }));

/** Frames with bad lengths and flags, compression that is none, headers that make no sense. */
export const frameArbitrary: fc.Arbitrary<FramedBody> = fc.oneof(bodies, compressed, oddHeaders);

import { connect } from "node:net";
import fc from "fast-check";
import { frameKind } from "../../services/wire/frame-reader.js";
import { framedPrefaces } from "../../services/wire/framed-connection.js";
import { frame } from "./wire-bytes.js";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const waitMs = 150;

/** Frame types of HTTP/2; see RFC 9113, section 6. */
const frameTypes = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  windowUpdate: 8,
  continuation: 9,
} as const;

function http2Frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array,
  claimed = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(claimed, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

const many = (times: number, make: (index: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: times }, (_, index) => make(index)));

const settings = http2Frame(frameTypes.settings, 0, 0, Buffer.alloc(0));
const begun = Buffer.concat([preface, settings]);

/** What connections send that do not speak gRPC, or speak it to do harm. Each is bounded. */
const hostileBytes: readonly (readonly [string, Buffer])[] = [
  ["HTTP/1", Buffer.from("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n")],
  ["a cut preface", preface.subarray(0, 10)],
  ["a wrong preface", Buffer.from("PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n")],
  ["nothing", Buffer.alloc(0)],
  ["a frame longer than allowed", Buffer.concat([begun, http2Frame(0, 0, 1, Buffer.alloc(10), 0xffffff)])],
  [
    "resets of streams that are idle",
    Buffer.concat([begun, many(2000, (i) => http2Frame(frameTypes.reset, 0, i * 2 + 1, Buffer.alloc(4)))]),
  ],
  [
    "headers that are no HPACK",
    Buffer.concat([begun, http2Frame(frameTypes.headers, 5, 1, Buffer.alloc(200, 0xff))]),
  ],
  [
    "headers without end",
    Buffer.concat([
      begun,
      http2Frame(frameTypes.headers, 0, 1, Buffer.alloc(0)),
      many(1000, () => http2Frame(frameTypes.continuation, 0, 1, Buffer.alloc(64, 0x82))),
    ]),
  ],
  ["floods of settings", Buffer.concat([preface, many(2000, () => settings)])],
  [
    "floods of pings",
    Buffer.concat([begun, many(5000, () => http2Frame(frameTypes.ping, 0, 0, Buffer.alloc(8)))]),
  ],
  [
    "a window beyond bounds",
    Buffer.concat([begun, http2Frame(frameTypes.windowUpdate, 0, 0, Buffer.from([0x7f, 255, 255, 255]))]),
  ],
  [
    "data of a stream that is none",
    Buffer.concat([begun, http2Frame(frameTypes.data, 0, 7, Buffer.alloc(100))]),
  ],
  [
    "unknown frames",
    Buffer.concat([begun, many(500, (i) => http2Frame(0x20 + (i % 64), 0xff, 0, Buffer.alloc(30, i)))]),
  ],
];

const framed = (...frames: readonly Buffer[]): Buffer => Buffer.concat([framedPrefaces.pipeline, ...frames]);

/** The same for the framed pipelines of stores. A master knows none, and cuts them off. */
const hostileFramed: readonly (readonly [string, Buffer])[] = [
  ["a cut preface", framedPrefaces.pipeline.subarray(0, 4)],
  ["another version", Buffer.from("\0ekvpl9\n", "latin1")],
  ["a message that is none", framed(frame(Buffer.alloc(20, 0xff), frameKind.message))],
  ["an end that says nothing readable", framed(frame(Buffer.alloc(20, 0xff), frameKind.end))],
  ["an unknown kind", framed(frame(Buffer.alloc(3), 0x33))],
  ["a frame of four gigabytes", framed(frame(Buffer.alloc(3), frameKind.message, 2 ** 32 - 1))],
  ["pings without end", framed(many(20_000, () => frame(Buffer.alloc(0), frameKind.ping)))],
  ["ends without end", framed(many(1000, () => frame(Buffer.alloc(0), frameKind.end)))],
  ["parts without content", framed(frame(Buffer.alloc(4_000_000, Buffer.of(0x42, 0)), frameKind.message))],
];

const framedNoise: fc.Arbitrary<Buffer> = fc
  .array(
    fc
      .tuple(fc.constantFrom(0, 0, 0, 0x40, 0x41, 0x80, 7), fc.uint8Array({ maxLength: 50 }))
      .map(([kind, body]) => frame(body, kind)),
    { maxLength: 6 },
  )
  .map((frames) => framed(...frames));

/** Sends bytes, all at once or one by one, leaves the connection half open for a while, and lets go of it. */
function abuse(address: string, bytes: Uint8Array, slowly: boolean): Promise<void> {
  const [host = "", port = "0"] = address.split(":");
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    const leave = setTimeout(() => socket.destroy(), waitMs);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(leave);
      resolve();
    });
    socket.on("connect", () => {
      if (!slowly) socket.write(bytes);
      else for (const byte of bytes.subarray(0, 60)) socket.write(Buffer.of(byte));
    });
    socket.resume();
  });
}

/** Makes hostile connections to a server. Returns how many. */
export async function abuseConnections(address: string, seed: number, runs: number): Promise<number> {
  const noise = fc
    .sample(
      fc.tuple(
        fc.boolean(),
        fc.array(
          fc
            .tuple(
              fc.integer({ min: 0, max: 12 }),
              fc.integer({ min: 0, max: 255 }),
              fc.integer({ min: 0, max: 9 }),
              fc.uint8Array({ maxLength: 60 }),
            )
            .map(([type, flags, streamId, payload]) => http2Frame(type, flags, streamId, payload)),
          { maxLength: 8 },
        ),
      ),
      { seed, numRuns: runs },
    )
    .map(([isBegun, frames]) => Buffer.concat([...(isBegun ? [begun] : []), ...frames]));
  const named = [...hostileBytes, ...hostileFramed].map(([, bytes]) => bytes);
  const all = [...named, ...noise, ...fc.sample(framedNoise, { seed, numRuns: runs })];
  for (let at = 0; at < all.length; at += 10) {
    await Promise.all(all.slice(at, at + 10).map((bytes, index) => abuse(address, bytes, index % 5 === 4)));
  }
  return all.length;
}

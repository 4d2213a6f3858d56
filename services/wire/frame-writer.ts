import type { BinaryWriter } from "@bufbuild/protobuf/wire";
import { limits } from "../core/limits.js";
import { frameHeaderBytes } from "./frame-reader.js";
import { NumberWriter } from "./number-writer.js";

const header = new Uint8Array(frameHeaderBytes);

/** One for all, as a frame is written in one go: what it grew to need not be allocated for every message. */
let shared: BinaryWriter | undefined;

/** A frame of a kind (see `frameKind`) with the body that `write` adds; without it, an empty one. */
export function encodeFrame(kind: number, write?: (writer: BinaryWriter) => void): Buffer {
  const writer = shared ?? new NumberWriter();
  // Comes back when the whole frame was written: what throws in the middle leaves bytes behind.
  shared = undefined;
  writer.raw(header);
  write?.(writer);
  const bytes = writer.finish();
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  frame[0] = kind;
  frame.writeUInt32BE(bytes.length - frameHeaderBytes, 1);
  if (frame.length <= limits.frameBufferKeptBytesMax) shared = writer;
  return frame;
}

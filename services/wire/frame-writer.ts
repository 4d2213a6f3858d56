import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { frameHeaderBytes } from "./frame-reader.js";

/** Frames beyond this do not leave their memory behind for others. */
const keptBytesMax = 1_048_576;
const header = new Uint8Array(frameHeaderBytes);

/** One for all, as a frame is written in one go: what it grew to need not be allocated for every message. */
let shared: BinaryWriter | undefined;

/** A frame of a kind (see `frameKind`) with the body that `write` adds; without it, an empty one. */
export function encodeFrame(kind: number, write?: (writer: BinaryWriter) => void): Buffer {
  const writer = shared ?? new BinaryWriter();
  // Comes back when the whole frame was written: what throws in the middle leaves bytes behind.
  shared = undefined;
  writer.raw(header);
  write?.(writer);
  const bytes = writer.finish();
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  frame[0] = kind;
  frame.writeUInt32BE(bytes.length - frameHeaderBytes, 1);
  if (frame.length <= keptBytesMax) shared = writer;
  return frame;
}

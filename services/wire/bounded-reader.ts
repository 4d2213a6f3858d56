import { BinaryReader } from "@bufbuild/protobuf/wire";
import { boundedText } from "../core/checks.js";
import { type EkvError, invalidArgument } from "../core/errors.js";

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const { uint32: readUint32 } = new BinaryReader(new Uint8Array(0));

class TooManyItems extends Error {}

/**
 * Counts what it reads: each tag, length and 32-bit number is one item. Two bytes on the wire can stand for an object of
 * some hundred in memory, so the size of a message alone does not bound what its decoding takes. Texts that are not
 * UTF-8 are refused, as proto3 asks for.
 */
class BoundedReader extends BinaryReader {
  readonly source: Uint8Array;
  itemsLeft: number;

  constructor(bytes: Uint8Array, itemsMax: number) {
    super(bytes, (text) => strictUtf8.decode(text));
    this.source = bytes;
    this.itemsLeft = itemsMax;
    this.uint32 = boundedUint32;
  }
}

function boundedUint32(this: BoundedReader): number {
  this.itemsLeft -= 1;
  if (this.itemsLeft < 0) throw new TooManyItems();
  // Most numbers are of one byte.
  const byte = this.source[this.pos];
  if (byte !== undefined && byte < 0x80) {
    this.pos += 1;
    return byte;
  }
  return readUint32.call(this);
}

/** A message that cannot be read: INVALID_ARGUMENT, for the field `message`. */
function unreadable(problem: string): EkvError {
  return invalidArgument("message", boundedText(problem));
}

/** As {@link unreadable}, for what a decoder threw. */
export function unreadableBy(error: unknown): EkvError {
  const reason = error instanceof Error ? error.message : String(error);
  return unreadable(`cannot be read (${reason}); send what the protocol's types encode to`);
}

/**
 * Reads one message with a decoder of ts-proto. Throws {@link unreadable}: for bytes that are no such message, and for
 * one with more than `itemsMax` fields, lengths and 32-bit numbers.
 */
export function decodeBounded<T>(
  decode: (reader: BinaryReader) => T,
  bytes: Uint8Array,
  itemsMax: number,
): T {
  const reader = new BoundedReader(bytes, itemsMax);
  let message: T;
  try {
    message = decode(reader);
  } catch (error) {
    if (!(error instanceof TooManyItems)) throw unreadableBy(error);
    throw unreadable(`holds more than ${itemsMax} fields and numbers; send less at once`);
  }
  // Generated decoders stop at a group's end that has no beginning.
  if (reader.pos === reader.len) return message;
  throw unreadable(
    `ends after ${reader.pos} of its ${reader.len} bytes; send what the protocol's types encode to`,
  );
}

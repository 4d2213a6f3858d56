import { EkvError } from "../core/errors.js";

/** Bytes in front of a frame's body: its kind, then the body's length as a big-endian u32. */
export const frameHeaderBytes = 5;

/**
 * What a frame is. Its header is that of a gRPC message ("Length-Prefixed-Message" in gRPC's PROTOCOL-HTTP2), whose first
 * byte says 0 for a message and, in gRPC-Web, 0x80 for the status that ends a stream; the rest is ours.
 */
export const frameKind = {
  /** One protobuf message. */
  message: 0,
  /** A piece of a message that is sent in parts. Its parts come in order; whole frames may come between them. */
  part: 0x20,
  /** The piece that ends it. */
  lastPart: 0x21,
  /** Asks for a pong. No body. */
  ping: 0x40,
  /** Answers a ping; or says, unasked, that the bytes of something long arrive. */
  pong: 0x41,
  /** The sender's last frame: a CallFailure that says why, or nothing for an orderly end. */
  end: 0x80,
} as const;

/** Takes a frame; `body` is a view that may be kept. */
export type FrameListener = (kind: number, body: Buffer) => void;

/** Cuts the bytes that a connection brings into frames, copying only those that came in pieces. */
export class FrameReader {
  readonly #bodyBytesMax: number;
  readonly #listener: FrameListener;
  /** The beginning of a frame that is not complete. */
  #pieces: Buffer[] = [];
  #have = 0;
  /** Bytes that the frame begun needs in all, as far as known. */
  #need = frameHeaderBytes;

  constructor(bodyBytesMax: number, listener: FrameListener) {
    this.#bodyBytesMax = bodyBytesMax;
    this.#listener = listener;
  }

  /** Whether a frame has begun and not ended. */
  get isWithin(): boolean {
    return this.#have > 0;
  }

  /** Takes what came. Throws RESOURCE_EXHAUSTED for a frame beyond the limit; nothing more may be pushed then. */
  push(chunk: Buffer): void {
    let rest = chunk;
    if (this.#have > 0) {
      rest = this.#complete(chunk);
      if (this.#have > 0) return;
    }
    let offset = 0;
    while (rest.length - offset >= frameHeaderBytes) {
      const end = offset + frameHeaderBytes + this.#bodyLength(rest, offset);
      if (end > rest.length) break;
      this.#listener(rest[offset] as number, rest.subarray(offset + frameHeaderBytes, end));
      offset = end;
    }
    if (offset < rest.length) this.#keep(offset === 0 ? rest : rest.subarray(offset));
  }

  /** Adds to the frame begun; returns what is behind it once it is complete. */
  #complete(chunk: Buffer): Buffer {
    this.#keep(chunk);
    if (this.#have < this.#need) return chunk.subarray(chunk.length);
    const whole = Buffer.concat(this.#pieces, this.#have);
    this.#pieces = [];
    this.#have = 0;
    this.#need = frameHeaderBytes;
    return whole;
  }

  #keep(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#have += piece.length;
    if (this.#need > frameHeaderBytes || this.#have < frameHeaderBytes) return;
    const first = this.#pieces[0] as Buffer;
    const header = first.length >= frameHeaderBytes ? first : Buffer.concat(this.#pieces, this.#have);
    if (header !== first) this.#pieces = [header];
    this.#need = frameHeaderBytes + this.#bodyLength(header, 0);
  }

  #bodyLength(bytes: Buffer, offset: number): number {
    const length = bytes.readUInt32BE(offset + 1);
    if (length <= this.#bodyBytesMax) return length;
    throw messageTooLong(length, this.#bodyBytesMax);
  }
}

/** A message is longer than the receiver takes. */
export function messageTooLong(bytes: number, bytesMax: number): EkvError {
  return new EkvError(
    "RESOURCE_EXHAUSTED",
    `a message of ${bytes} bytes came; at most ${bytesMax} are taken`,
  );
}

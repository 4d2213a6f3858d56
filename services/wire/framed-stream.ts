import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { EkvError } from "../core/errors.js";
import type { Clock, Timer } from "../core/ports/clock.js";
import { repeat } from "../core/repeat.js";
import { CallFailure } from "../gen/elastickv/v1/store.js";
import { limits } from "../core/limits.js";
import { decodeBounded } from "./bounded-reader.js";
import { errorFromFailure, failureToWire } from "./errors.js";
import { frameKind, FrameReader } from "./frame-reader.js";
import { encodeFrame } from "./frame-writer.js";

/**
 * What a client sends first on a framed connection, and the server returns when it takes it. Its first byte tells it from
 * HTTP/2, whose connections begin with `PRI`; its last but one is the version.
 */
export const framedPreface: Buffer = Buffer.from("\0ekvpl1\n", "latin1");

/** Looks that may find nothing new while a message waits to be sent. */
const silentLooksMaxSending = 5;

/** A type of protobuf messages, as ts-proto makes them. */
export interface MessageType<T> {
  /** Adds to `writer`. */
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
  /** The bytes fields of what it returns are views of `bytes`. */
  decode(bytes: Uint8Array | BinaryReader): T;
}

/** How a framed stream is run. */
export interface FramedStreamOptions<Out, In> {
  /** Connected, both prefaces exchanged. */
  readonly socket: Socket;
  readonly sent: MessageType<Out>;
  readonly received: MessageType<In>;
  /** Longest message, both ways. */
  readonly messageBytesMax: number;
  /** Silence after which the peer is asked for a sign of life, and again until it is given up, in milliseconds. */
  readonly keepaliveMs: number;
  readonly clock: Clock;
  /** Why the stream is refused, given its first message; that one, and all after it, are then not emitted. */
  readonly refusalOf?: (first: In) => EkvError | undefined;
}

/** What a framed stream emits. `close` comes last, once, whatever ended it. */
interface FramedStreamEvents<In> {
  data: [In];
  /** The peer sends nothing more. */
  end: [];
  error: [EkvError];
  /** The transport takes more again, after a `write` that returned false. */
  drain: [];
  close: [];
}

/**
 * Messages both ways over a TCP connection of their own: what a gRPC stream gives, without HTTP/2, whose frames, windows
 * and stream objects cost several times what a small batch of calls does (docs/performance.md). Events, `write`,
 * `end`, `pause` and `resume` are those of grpc-js's duplex calls, so that either can be used.
 */
export class FramedStream<Out, In> extends EventEmitter<FramedStreamEvents<In>> {
  readonly #options: FramedStreamOptions<Out, In>;
  readonly #socket: Socket;
  #writableEnded = false;
  #readableEnded = false;
  #paused = false;
  /** Something came since the last look. */
  #heard = true;
  /** Looks in a row that found nothing new. */
  #silentLooks = 0;
  /** A message has come. */
  #begun = false;
  #keepalive: Timer | undefined;

  constructor(options: FramedStreamOptions<Out, In>) {
    super();
    this.#options = options;
    this.#socket = options.socket;
    const reader = new FrameReader(options.messageBytesMax, (kind, body) => this.#take(kind, body));
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => {
      this.#heard = true;
      try {
        reader.push(chunk);
      } catch (error) {
        if (!(error instanceof EkvError)) throw error;
        this.#refuse(error);
      }
    });
    socket.on("drain", () => this.emit("drain"));
    socket.on("end", () => this.#ended());
    socket.on("error", (error) => this.#lost(new EkvError("UNAVAILABLE", error.message, { cause: error })));
    socket.on("close", () => {
      this.#keepalive?.cancel();
      this.#ended();
      this.emit("close");
    });
    this.#watch();
  }

  get writableEnded(): boolean {
    return this.#writableEnded;
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  /** The connection is gone. */
  get cancelled(): boolean {
    return this.#socket.destroyed;
  }

  /** Sends a message; false: wait for `drain` before sending more. */
  write(message: Out): boolean {
    if (this.#writableEnded || this.#socket.destroyed) return true;
    return this.#socket.write(
      encodeFrame(frameKind.message, (writer) => this.#options.sent.encode(message, writer)),
    );
  }

  /** Sends nothing more. The connection closes once the peer has ended too. */
  end(): void {
    this.#finish();
  }

  /** Sends nothing more, and why. */
  fail(error: EkvError): void {
    this.#finish((writer) => CallFailure.encode(failureToWire(error), writer));
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#heard = true;
    this.#socket.resume();
  }

  /** Cuts the connection; once this side has ended, behind what it has sent. */
  destroy(): void {
    if (this.#writableEnded) this.#socket.destroySoon();
    else this.#socket.destroy();
  }

  /** As {@link FramedStream.destroy}. */
  cancel(): void {
    this.destroy();
  }

  #take(kind: number, body: Buffer): void {
    if (this.#readableEnded) return;
    if (kind === frameKind.message) this.#receive(decodeMessage(this.#options.received, body));
    else if (kind === frameKind.ping) this.#pong();
    else if (kind === frameKind.end) {
      if (body.length > 0) this.#lost(errorFromFailure(decodeMessage(CallFailure, body)));
      this.#ended();
    } else if (kind !== frameKind.pong) {
      throw new EkvError("INVALID_ARGUMENT", `a frame of the unknown kind ${kind} came`);
    }
  }

  #receive(message: In): void {
    const refusal = this.#begun ? undefined : this.#options.refusalOf?.(message);
    this.#begun = true;
    if (refusal) this.#refuse(refusal);
    else this.emit("data", message);
  }

  #pong(): void {
    // Answers to a peer that reads none would pile up.
    if (!this.#socket.writableNeedDrain) this.#socket.write(encodeFrame(frameKind.pong));
  }

  /** What came is not taken: says why, and gives the connection up. */
  #refuse(error: EkvError): void {
    this.fail(error);
    this.#lost(error);
    this.#ended();
  }

  #lost(error: EkvError): void {
    if (this.#readableEnded) return;
    this.#readableEnded = true;
    this.emit("error", error);
    this.#closeWhenBothEnded();
  }

  #ended(): void {
    if (this.#readableEnded) return;
    this.#readableEnded = true;
    this.emit("end");
    this.#closeWhenBothEnded();
  }

  #finish(reason?: (writer: BinaryWriter) => void): void {
    if (this.#writableEnded || this.#socket.destroyed) return;
    this.#socket.write(encodeFrame(frameKind.end, reason));
    this.#writableEnded = true;
    this.#closeWhenBothEnded();
  }

  #closeWhenBothEnded(): void {
    if (this.#writableEnded && this.#readableEnded) this.#socket.destroySoon();
  }

  #watch(): void {
    this.#keepalive = repeat(this.#options.clock, this.#options.keepaliveMs, () => {
      this.#silentLooks = this.#heard || this.#paused ? 0 : this.#silentLooks + 1;
      this.#heard = this.#paused;
      // A ping has to wait until a long message is sent, and the peer says nothing meanwhile.
      const silentLooksMax = this.#socket.writableLength > 0 ? silentLooksMaxSending : 1;
      if (this.#silentLooks > silentLooksMax) {
        const message = `the peer was silent for ${this.#silentLooks * this.#options.keepaliveMs} ms`;
        this.#lost(new EkvError("UNAVAILABLE", message));
        this.#socket.destroy();
        return;
      }
      if (this.#silentLooks === 1) this.#socket.write(encodeFrame(frameKind.ping));
    });
  }
}

/** Throws INVALID_ARGUMENT for bytes that are no such message. */
function decodeMessage<T>(type: MessageType<T>, body: Uint8Array): T {
  return decodeBounded((reader) => type.decode(reader), body, limits.messageItemsMax);
}

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
import { frameHeaderBytes, frameKind, FrameReader } from "./frame-reader.js";
import { encodeFrame } from "./frame-writer.js";
import { PartReader } from "./part-reader.js";
import { PartWriter } from "./part-writer.js";

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
  /** Whether the peer takes messages in parts; see {@link FramedStream.writeApart}. Default false. */
  readonly parts?: boolean;
}

/** How often a side says that the bytes of something long arrive, in milliseconds. */
const progressMs = 500;

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
  readonly #partWriter: PartWriter;
  readonly #partReader: PartReader;
  /** The frame that ends this side, as long as parts are to be sent before it. */
  #lastFrame: Buffer | undefined;
  #destroyAfterEnd = false;
  #progressToldMs = 0;

  constructor(options: FramedStreamOptions<Out, In>) {
    super();
    this.#options = options;
    this.#socket = options.socket;
    const reader = new FrameReader(options.messageBytesMax, (kind, body) => this.#take(kind, body));
    const socket = this.#socket;
    this.#partReader = new PartReader(options.messageBytesMax);
    this.#partWriter = new PartWriter(socket, options.clock, () => this.#partsSent());
    socket.setNoDelay(true);
    socket.on("data", (chunk) => {
      this.#heard = true;
      try {
        reader.push(chunk);
        if (reader.isWithin || this.#partReader.isWithin) this.#tellProgress();
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

  /**
   * Sends a long message in parts, so that messages written later get past it. Calls `written` when its last part was
   * sent. Goes as a whole to a peer that takes no parts.
   */
  writeApart(message: Out, written: () => void): boolean {
    if (this.#writableEnded || this.#socket.destroyed) return true;
    const frame = encodeFrame(frameKind.message, (writer) => this.#options.sent.encode(message, writer));
    if (this.#options.parts !== true) return this.#socket.write(frame, () => written());
    this.#partWriter.add(frame.subarray(frameHeaderBytes), written);
    return !this.#socket.writableNeedDrain;
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
    if (!this.#writableEnded) this.#socket.destroy();
    else if (this.#lastFrame) this.#destroyAfterEnd = true;
    else this.#socket.destroySoon();
  }

  /** As {@link FramedStream.destroy}. */
  cancel(): void {
    this.destroy();
  }

  #take(kind: number, body: Buffer): void {
    if (this.#readableEnded) return;
    if (kind === frameKind.message) this.#receive(decodeMessage(this.#options.received, body));
    else if (kind === frameKind.part || kind === frameKind.lastPart) {
      const whole = this.#partReader.take(body, kind === frameKind.lastPart);
      if (whole) this.#receive(decodeMessage(this.#options.received, whole));
    } else if (kind === frameKind.ping) this.#pong();
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

  /** The peer asks for a sign of life when it hears nothing: what it asks with may lie behind what is on its way here. */
  #tellProgress(): void {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - this.#progressToldMs < progressMs) return;
    this.#progressToldMs = nowMs;
    this.#pong();
  }

  #partsSent(): void {
    const lastFrame = this.#lastFrame;
    if (lastFrame === undefined) return;
    this.#lastFrame = undefined;
    this.#socket.write(lastFrame);
    if (this.#destroyAfterEnd) this.#socket.destroySoon();
    this.#closeWhenBothEnded();
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
    const frame = encodeFrame(frameKind.end, reason);
    this.#writableEnded = true;
    if (this.#partWriter.isIdle) this.#socket.write(frame);
    else this.#lastFrame = frame;
    this.#closeWhenBothEnded();
  }

  #closeWhenBothEnded(): void {
    if (this.#writableEnded && this.#readableEnded && !this.#lastFrame) this.#socket.destroySoon();
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

/** What framed streams and those of gRPC have in common for long messages. */
interface MessageWriter<Out> {
  write(message: Out, written: () => void): boolean;
  writeApart?(message: Out, written: () => void): boolean;
}

/** Sends a long message, in parts where the stream knows parts. Calls `written` when the stream takes another. */
export function writeApart<Out>(stream: MessageWriter<Out>, message: Out, written: () => void): boolean {
  return stream.writeApart ? stream.writeApart(message, written) : stream.write(message, written);
}

/** Throws INVALID_ARGUMENT for bytes that are no such message. */
function decodeMessage<T>(type: MessageType<T>, body: Uint8Array): T {
  return decodeBounded((reader) => type.decode(reader), body, limits.messageItemsMax);
}

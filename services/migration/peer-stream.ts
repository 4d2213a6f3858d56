import { messageBytesMax } from "../core/limits.js";
import type { Clock } from "../core/ports/clock.js";
import type { Channel } from "../wire/channel.js";
import type { ConnectFramed, FramedProtocol } from "../wire/framed-connection.js";
import { FramedStream, type MessageType } from "../wire/framed-stream.js";

/** How long connecting may take, in milliseconds. */
const connectMsMax = 2000;
/** Silence after which the peer is asked for a sign of life, in milliseconds; unanswered for as long, it is given up. */
const keepaliveMs = 5000;

/** How a stream reaches its peer. */
export interface PeerStreamOptions {
  /** host:port. */
  readonly address: string;
  /** The peer's gRPC channel. */
  readonly channel: Channel;
  /** Undefined: gRPC alone. */
  readonly connectFramed: ConnectFramed | undefined;
  readonly clock: Clock;
}

/** What is said on a stream, and how. */
export interface PeerProtocol<Request, Answer> {
  readonly name: FramedProtocol;
  readonly request: MessageType<Request>;
  readonly answer: MessageType<Answer>;
  /** The same over gRPC. */
  readonly method: {
    readonly path: string;
    readonly requestSerialize: (request: Request) => Buffer;
    readonly responseDeserialize: (bytes: Buffer) => Answer;
  };
}

/** A stream's end; `broken` comes once, and nothing after it. */
export interface PeerStreamListener<Answer> {
  answered(answer: Answer): void;
  broken(message: string): void;
}

/** What both kinds of streams have in common. */
interface Wire<Request, Answer> {
  on(event: "data", listener: (answer: Answer) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  write(request: Request): boolean;
  end(): unknown;
  cancel(): void;
}

/**
 * One stream to a peer, framed on a connection of its own, or over gRPC where the peer knows no framing or something
 * between lets nothing but HTTP/2 pass. What is sent before it is connected waits.
 */
export class PeerStream<Request, Answer> {
  readonly #options: PeerStreamOptions;
  readonly #protocol: PeerProtocol<Request, Answer>;
  readonly #listener: PeerStreamListener<Answer>;
  #wire: Wire<Request, Answer> | undefined;
  #waiting: Request[] = [];
  #over = false;

  /** Begins to connect. */
  constructor(
    options: PeerStreamOptions,
    protocol: PeerProtocol<Request, Answer>,
    listener: PeerStreamListener<Answer>,
  ) {
    this.#options = options;
    this.#protocol = protocol;
    this.#listener = listener;
    if (options.connectFramed === undefined) this.#take(this.#openGrpc());
    else {
      this.#openFramed(options.connectFramed).then(
        (wire) => this.#take(wire ?? this.#openGrpc()),
        (error: unknown) => this.#broken(error instanceof Error ? error.message : String(error)),
      );
    }
  }

  /** Sends a message; what the transport cannot take at once, it keeps. */
  send(request: Request): void {
    if (this.#wire) this.#wire.write(request);
    else this.#waiting.push(request);
  }

  /** Sends nothing more, and lets what was sent arrive. */
  end(): void {
    this.#over = true;
    this.#wire?.end();
  }

  /** Cuts the stream. */
  cancel(): void {
    this.#over = true;
    this.#wire?.cancel();
  }

  #take(wire: Wire<Request, Answer>): void {
    // Else an error that comes late would be nobody's.
    wire.on("error", (error) => this.#broken(error.message));
    if (this.#over) return wire.cancel();
    this.#wire = wire;
    wire.on("data", (answer) => {
      if (!this.#over) this.#listener.answered(answer);
    });
    wire.on("end", () => this.#broken("the peer ended the stream"));
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const request of waiting) wire.write(request);
  }

  #openGrpc(): Wire<Request, Answer> {
    const { path, requestSerialize, responseDeserialize } = this.#protocol.method;
    return this.#options.channel.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  }

  async #openFramed(connectFramed: ConnectFramed): Promise<Wire<Request, Answer> | undefined> {
    const { address, clock } = this.#options;
    const { name, request, answer } = this.#protocol;
    const socket = await connectFramed({ address, protocol: name, clock, connectMs: connectMsMax });
    return (
      socket &&
      new FramedStream<Request, Answer>({
        socket,
        sent: request,
        received: answer,
        messageBytesMax,
        keepaliveMs,
        clock,
      })
    );
  }

  #broken(message: string): void {
    if (this.#over) {
      this.#wire?.cancel();
      return;
    }
    this.#over = true;
    this.#wire?.cancel();
    this.#listener.broken(message);
  }
}

import { Duplex } from "node:stream";
import { Metadata, status } from "@grpc/grpc-js";
import { ServerCall } from "./call.js";
import type { Connection } from "./connection.js";
import { Pipe } from "./pipe.js";

/** How a call ended, as gRPC says it. */
export interface CallStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

/** What a call needs of its method. */
export interface CallMethod {
  readonly path: string;
  readonly serialize: (message: never) => Buffer;
  readonly deserialize: (bytes: Buffer) => unknown;
  /** The one request of a call that has no stream of them. */
  readonly request: unknown;
  readonly streamsRequests: boolean;
  readonly metadata: Metadata;
  /** By the caller's wall clock. */
  readonly deadlineMs: number;
}

/** Who hears what comes back. */
export interface CallListener {
  message(message: unknown): boolean;
  ended(status: CallStatus): void;
}

/** The caller's side of one call. Sends nothing before its connection is there. */
export class ClientCall {
  readonly method: CallMethod;
  readonly #listener: CallListener;
  #connection: Connection | undefined;
  #toServer: Pipe | undefined;
  #fromServer: Pipe | undefined;
  #server: ServerCall | undefined;
  #unsent: (() => void)[] = [];
  #over = false;

  constructor(method: CallMethod, listener: CallListener) {
    this.method = method;
    this.#listener = listener;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Whether it was given to a connection. */
  get started(): boolean {
    return this.#connection !== undefined;
  }

  /** Begins on a connection. */
  start(connection: Connection, timeoutMs: number): void {
    const { path, metadata, request, streamsRequests } = this.method;
    this.#connection = connection;
    connection.clientCalls.add(this);
    const toServer = new Pipe(connection, "client", `${connection.client.name}>${path}`);
    const fromServer = new Pipe(connection, "server", `${connection.serverProcess.name}<${path}`);
    this.#toServer = toServer;
    this.#fromServer = fromServer;
    const bytes = streamsRequests ? undefined : this.#encode(request);
    connection.client.effect(() =>
      toServer.send(() => {
        this.#server = new ServerCall(connection, {
          path,
          metadata,
          timeoutMs,
          request: bytes,
          toServer,
          fromServer,
          caller: this,
        });
        this.#server.begin();
      }),
    );
    const unsent = this.#unsent;
    this.#unsent = [];
    for (const send of unsent) send();
  }

  /** Sends a message of a stream. */
  write(message: unknown, accepted: () => void): void {
    if (this.#over) return queueMicrotask(accepted);
    if (!this.#toServer) {
      this.#unsent.push(() => this.write(message, accepted));
      return;
    }
    const bytes = this.#encode(message);
    this.#connection?.client.effect(() => this.#toServer?.send(() => this.#server?.message(bytes), accepted));
  }

  /** Sends no more. */
  halfClose(): void {
    if (this.#over) return;
    if (!this.#toServer) {
      this.#unsent.push(() => this.halfClose());
      return;
    }
    this.#connection?.client.effect(() => this.#toServer?.send(() => this.#server?.halfClosed()));
  }

  /** Takes more answers. */
  read(): void {
    this.#fromServer?.resume();
  }

  /** Gives the call up. */
  cancel(code: status, details: string): void {
    if (this.#over) return;
    const toServer = this.#toServer;
    this.#connection?.client.effect(() => toServer?.send(() => this.#server?.cancelled()));
    this.end({ code, details, metadata: new Metadata() });
  }

  /** The connection broke. */
  lost(reason: string): void {
    this.end({ code: status.UNAVAILABLE, details: reason, metadata: new Metadata() });
  }

  /** A message came. Returns whether another is wanted. */
  received(bytes: Buffer): void {
    if (this.#over) return;
    if (!this.#listener.message(this.method.deserialize(bytes))) this.#fromServer?.pause();
  }

  end(ended: CallStatus): void {
    if (this.#over) return;
    this.#over = true;
    this.#connection?.clientCalls.delete(this);
    this.#listener.ended(ended);
  }

  #encode(message: unknown): Buffer {
    return this.method.serialize(message as never);
  }
}

/** The caller's stream: what grpc-js calls a ClientDuplexStream or ClientReadableStream. */
export class ClientStream extends Duplex implements CallListener {
  readonly call: ClientCall;

  constructor(method: CallMethod) {
    super({ objectMode: true });
    this.call = new ClientCall(method, this);
  }

  cancel(): void {
    this.call.cancel(status.CANCELLED, "Cancelled on client");
  }

  message(message: unknown): boolean {
    return this.push(message);
  }

  ended(result: CallStatus): void {
    this.push(null);
    if (result.code !== status.OK) this.emit("error", errorOf(result));
    this.emit("status", result);
  }

  override _read(): void {
    this.call.read();
  }

  override _write(message: unknown, _encoding: unknown, accepted: () => void): void {
    this.call.write(message, accepted);
  }

  override _final(done: () => void): void {
    this.call.halfClose();
    done();
  }
}

/** A status as the error that grpc-js makes of it. */
export function errorOf({ code, details, metadata }: CallStatus): Error {
  return Object.assign(new Error(`${code} ${status[code]}: ${details}`), { code, details, metadata });
}

import { Duplex } from "node:stream";
import { Metadata, status } from "@grpc/grpc-js";
import type { CallStatus, ClientCall } from "./client-call.js";
import type { Connection } from "./connection.js";
import type { Pipe } from "./pipe.js";
import type { SimMethod } from "./server.js";

/** What a call brings to the server. */
export interface IncomingCall {
  readonly path: string;
  readonly metadata: Metadata;
  /** Infinity: none. */
  readonly timeoutMs: number;
  /** The request of a call that has no stream of them. */
  readonly request: Buffer | undefined;
  readonly toServer: Pipe;
  readonly fromServer: Pipe;
  readonly caller: ClientCall;
}

/** The server's side of one call. */
export class ServerCall {
  readonly connection: Connection;
  readonly incoming: IncomingCall;
  #method: SimMethod | undefined;
  #stream: ServerStream | undefined;
  #over = false;

  constructor(connection: Connection, incoming: IncomingCall) {
    this.connection = connection;
    this.incoming = incoming;
  }

  /** Hands the call to its handler. */
  begin(): void {
    const { path, request } = this.incoming;
    const { server } = this.connection;
    if (server.draining) return this.finish(refusal(status.UNAVAILABLE, "the server is going away"));
    const method = server.method(path);
    if (method === undefined)
      return this.finish(refusal(status.UNIMPLEMENTED, `the server does not know ${path}`));
    this.#method = method;
    this.connection.serverCalls.add(this);
    server.open.add(this);
    const { definition } = method;
    const stream = new ServerStream(this, request && definition.requestDeserialize(request));
    this.#stream = stream;
    if (definition.requestStream || definition.responseStream) return method.handle(stream);
    method.handle(stream, (error, answer) => {
      if (error) return this.finish({ ...refusal(status.UNKNOWN, "unknown"), ...error });
      this.send(answer, () => undefined);
      this.finish(refusal(status.OK, "OK"));
    });
  }

  message(bytes: Buffer): void {
    if (this.#over || !this.#method || !this.#stream) return;
    if (!this.#stream.push(this.#method.definition.requestDeserialize(bytes))) this.incoming.toServer.pause();
  }

  halfClosed(): void {
    if (!this.#over) this.#stream?.push(null);
  }

  read(): void {
    this.incoming.toServer.resume();
  }

  /** The caller gave it up, or the connection broke. */
  cancelled(): void {
    if (this.#over) return;
    this.#end();
    const stream = this.#stream;
    if (stream === undefined) return;
    stream.cancelled = true;
    stream.emit("cancelled", "cancelled");
    stream.destroy();
  }

  /** Tells a call that would not end by itself that its server stops. */
  drain(event: string): void {
    const streams = this.#method?.definition;
    if (streams && !streams.requestStream && streams.responseStream) this.#stream?.emit(event);
  }

  send(message: unknown, accepted: () => void): void {
    if (this.#over || !this.#method) return queueMicrotask(accepted);
    const bytes = this.#method.definition.responseSerialize(message);
    const { fromServer, caller } = this.incoming;
    this.connection.serverProcess.effect(() => fromServer.send(() => caller.received(bytes), accepted));
  }

  finish(result: CallStatus): void {
    if (this.#over) return;
    this.#end();
    const { fromServer, caller } = this.incoming;
    this.connection.serverProcess.effect(() => fromServer.send(() => caller.end(result)));
  }

  #end(): void {
    this.#over = true;
    this.connection.serverCalls.delete(this);
    this.connection.server.ended(this);
    // Whoever still sends is not read any more; it must not wait for that.
    this.incoming.toServer.resume();
  }
}

function refusal(code: status, details: string): CallStatus {
  return { code, details, metadata: new Metadata() };
}

/** The handler's view of a call: what grpc-js calls a ServerDuplexStream, ServerWritableStream or ServerUnaryCall. */
export class ServerStream extends Duplex {
  readonly request: unknown;
  readonly metadata: Metadata;
  cancelled = false;
  readonly #call: ServerCall;
  readonly #deadlineMs: number;
  #status: CallStatus = refusal(status.OK, "OK");

  constructor(call: ServerCall, request: unknown) {
    super({ objectMode: true });
    this.#call = call;
    this.request = request;
    this.metadata = call.incoming.metadata;
    this.#deadlineMs = call.connection.serverProcess.clock.wallMs() + call.incoming.timeoutMs;
    this.on("error", (error: Partial<CallStatus>) => {
      this.#status = { ...refusal(status.UNKNOWN, "unknown"), ...error };
      this.end();
    });
  }

  getDeadline(): number {
    return this.#deadlineMs;
  }

  getPath(): string {
    return this.#call.incoming.path;
  }

  override _read(): void {
    this.#call.read();
  }

  override _write(message: unknown, _encoding: unknown, accepted: () => void): void {
    this.#call.send(message, accepted);
  }

  override _final(done: () => void): void {
    done();
    this.#call.finish(this.#status);
  }
}

import type {
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  ServerUnaryCall,
  ServerWritableStream,
} from "@grpc/grpc-js";
import { EkvError } from "../core/errors.js";
import type { Clock } from "../core/ports/clock.js";
import { toServiceError } from "../wire/errors.js";
import type { Logger } from "./log.js";
import { systemRandom } from "./random.js";

/** What a call brings besides its message. */
export interface CallContext {
  /** For the logs of everything the call causes; the caller's `x-request-id`, or random. */
  readonly requestId: string;
  /** By the monotonic clock, in milliseconds; Infinity: none. */
  readonly deadlineMs: number;
  /** Aborts when the caller gave up or the connection broke. */
  readonly signal: AbortSignal;
  readonly metadata: Metadata;
}

/** What a server-streamed call brings. */
export interface StreamContext extends CallContext {
  /** Aborts when the server begins to stop: a call that would not end by itself must end now. */
  readonly draining: AbortSignal;
}

/** Emitted on server-streamed calls that are open when their server begins to stop. */
export const drainingEvent = "draining";

/** What every handler works with. */
export interface HandlerOptions {
  readonly log: Logger;
  readonly clock: Clock;
  /** The earliest that what is read now can have come, by the monotonic clock; see Standstill. Default: now. */
  readonly arrivedMs?: () => number;
}

type Call<Q, A> = ServerUnaryCall<Q, A> | ServerWritableStream<Q, A>;

/** One is made for every call: what few handlers ask for is made when they do. */
class GrpcContext implements CallContext {
  readonly deadlineMs: number;
  readonly #call: Call<unknown, unknown>;
  #requestId: string | undefined;
  #signal: AbortSignal | undefined;

  constructor(call: Call<unknown, unknown>, { clock, arrivedMs }: HandlerOptions) {
    this.#call = call;
    const deadline = call.getDeadline();
    const wallMs = deadline instanceof Date ? deadline.getTime() : deadline;
    // grpc-js counts the caller's timeout from when it reads the call, which may have come earlier.
    this.deadlineMs =
      wallMs === Infinity ? Infinity : (arrivedMs?.() ?? clock.nowMs()) + wallMs - clock.wallMs();
  }

  get metadata(): Metadata {
    return this.#call.metadata;
  }

  get requestId(): string {
    const given = this.#call.metadata.get("x-request-id")[0];
    this.#requestId ??= typeof given === "string" ? given.slice(0, 64) : systemRandom.hex(8);
    return this.#requestId;
  }

  get signal(): AbortSignal {
    this.#signal ??= this.#watched();
    return this.#signal;
  }

  #watched(): AbortSignal {
    const controller = new AbortController();
    if (this.#call.cancelled) controller.abort();
    else this.#call.on("cancelled", () => controller.abort());
    return controller.signal;
  }
}

class GrpcStreamContext extends GrpcContext implements StreamContext {
  readonly draining: AbortSignal;

  constructor(call: Call<unknown, unknown>, options: HandlerOptions) {
    super(call, options);
    const controller = new AbortController();
    call.on(drainingEvent, () => controller.abort());
    this.draining = controller.signal;
  }
}

/** An error as the caller sees it; one that is no EkvError is a bug, and goes to the log whole. */
function refusal(
  error: unknown,
  context: CallContext,
  path: string,
  log: Logger,
): ReturnType<typeof toServiceError> {
  if (error instanceof EkvError) return toServiceError(error);
  const { requestId } = context;
  log.error("a call failed unexpectedly", { path, requestId, error });
  return {
    ...toServiceError(error),
    details: `internal error; see the server's log for request ${requestId}`,
  };
}

/** A handler of unary calls from a function that returns the answer or throws. */
export function unaryHandler<Q, A>(
  options: HandlerOptions,
  handle: (request: Q, context: CallContext) => Promise<A> | A,
): handleUnaryCall<Q, A> {
  return (call, callback) => {
    const context = new GrpcContext(call, options);
    const run = async (): Promise<A> => await handle(call.request, context);
    run().then(
      (answer) => callback(null, answer),
      (error: unknown) => callback(refusal(error, context, call.getPath(), options.log)),
    );
  };
}

/**
 * A handler of server-streamed calls. `send` resolves when the transport has taken the message; after the caller has gone it does
 * nothing, and the context's signal says so. The stream ends when the function returns, or with the error that it
 * throws; either way behind every message sent: grpc-js ends a stream at an `error` by itself, and a `destroy` would
 * take the messages and the status that are still on their way.
 */
export function streamHandler<Q, A>(
  options: HandlerOptions,
  handle: (request: Q, context: StreamContext, send: (message: A) => Promise<void>) => Promise<void>,
): handleServerStreamingCall<Q, A> {
  return (call) => {
    const context = new GrpcStreamContext(call, options);
    const send = (message: A): Promise<void> => {
      if (context.signal.aborted || call.destroyed) return Promise.resolve();
      return new Promise((resolve) => {
        const done = (): void => {
          context.signal.removeEventListener("abort", done);
          resolve();
        };
        context.signal.addEventListener("abort", done);
        // Not `drain`: that comes after a number of messages, however long each is.
        call.write(message, done);
      });
    };
    handle(call.request, context, send).then(
      () => call.end(),
      (error: unknown) => call.emit("error", refusal(error, context, call.getPath(), options.log)),
    );
  };
}

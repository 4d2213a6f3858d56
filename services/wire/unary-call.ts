import { Metadata, type MethodDefinition, type ServiceError } from "@grpc/grpc-js";
import { EkvError } from "../core/errors.js";
import { AbortWatch } from "./abort-watch.js";
import type { Channel } from "./channel.js";
import { neverLeft } from "./grpc-channel.js";
import { fromServiceError } from "./errors.js";

/** A method, as the service definitions describe it. */
export type UnaryMethod<Q, A> = Pick<
  MethodDefinition<Q, A>,
  "path" | "requestSerialize" | "responseDeserialize"
>;

/** How a unary call is made. */
export interface UnaryCallOptions {
  /** Unix milliseconds, by this machine's clock; Infinity: none. */
  readonly deadlineWallMs: number;
  /** Default: none. */
  readonly metadata?: Metadata;
  /** The caller's way to give the call up. */
  readonly signal?: AbortSignal | undefined;
  /** The call changes something: see {@link callUnary}. */
  readonly writes: boolean;
}

/**
 * Makes one unary call. Rejects with an EkvError that says what is known of the call:
 * - It never left this process, for there was no connection: `notExecuted`.
 * - The server refused it: what the server said.
 * - Anything else, and the call writes: OUTCOME_UNKNOWN, whoever gave the call up.
 * - The caller gave it up: CANCELLED.
 */
export function callUnary<Q, A>(
  channel: Channel,
  { path, requestSerialize, responseDeserialize }: UnaryMethod<Q, A>,
  request: Q,
  { deadlineWallMs, metadata = new Metadata(), signal, writes }: UnaryCallOptions,
): Promise<A> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(givenUp(signal, true));
    const done = (error: ServiceError | null, answer?: A): void => {
      watch?.stop();
      if (error === null) return resolve(answer as A);
      reject(unaryError(error, neverLeft(call), writes, signal?.aborted === true ? signal : undefined));
    };
    const call = start(() =>
      channel.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        { deadline: deadlineWallMs },
        done,
      ),
    );
    const watch = signal && new AbortWatch(signal, () => call.cancel());
  });
}

/** grpc-js throws when the channel is closed. */
function start<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw new EkvError("UNAVAILABLE", "the connection to the server is closed", { notExecuted: true, cause });
  }
}

/** @param aborted the signal by which the caller gave up */
function unaryError(
  error: ServiceError,
  unsent: boolean,
  writes: boolean,
  aborted: AbortSignal | undefined,
): EkvError {
  const known = fromServiceError(error);
  if (unsent) {
    if (aborted) return givenUp(aborted, true);
    return new EkvError(known.code, known.message, { notExecuted: true, cause: error });
  }
  if (writes && mayHaveHappened(known)) {
    const reason = aborted ? "the caller gave up" : known.message;
    return new EkvError(
      "OUTCOME_UNKNOWN",
      `no answer came to a call that may have been executed: ${reason}`,
      { cause: aborted ? aborted.reason : known },
    );
  }
  return aborted ? givenUp(aborted, false) : known;
}

/** Whether an error leaves open what became of the call. Not a refusal: a server that refuses says why. */
function mayHaveHappened({ code, notExecuted }: EkvError): boolean {
  return !notExecuted && (code === "UNAVAILABLE" || code === "DEADLINE_EXCEEDED" || code === "INTERNAL");
}

function givenUp(signal: AbortSignal, notExecuted: boolean): EkvError {
  return new EkvError("CANCELLED", "the caller gave up", { notExecuted, cause: signal.reason });
}

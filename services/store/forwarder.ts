import { Metadata, type ServiceError } from "@grpc/grpc-js";
import { EkvError } from "../core/errors.js";
import { messageBytesMax } from "../core/limits.js";
import type { Clock } from "../core/ports/clock.js";
import type { PartitionEntry } from "../core/topology.js";
import type { CallContext } from "../runtime/handlers.js";
import type { Channel, OpenChannel } from "../wire/channel.js";
import { fromServiceError } from "../wire/errors.js";
import { storeService } from "../wire/services.js";

const forwardedHeader = "ekv-forwarded";
/** For calls that came without a deadline. */
const forwardMsDefault = 30_000;

type ForwardedMethod = "get" | "put" | "delete" | "contains";

/** How calls reach their owner. */
export interface ForwarderOptions {
  readonly clock: Clock;
  readonly valueBytesMax: number;
  readonly openChannel: OpenChannel;
  /** host:port of an entry's primary, or undefined when it is not known here. */
  addressOf(entry: PartitionEntry): string | undefined;
}

/** Sends unary calls for other stores' keys to their owner, at most once, so that any store answers any client. */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #channels = new Map<string, Channel>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** Runs `here`; when that says MOVED and the call was not forwarded before, the owner executes the call. */
  async orForward<Q, A>(
    method: ForwardedMethod,
    request: Q,
    context: CallContext,
    here: () => Promise<A>,
  ): Promise<A> {
    try {
      return await here();
    } catch (error) {
      if (!(error instanceof EkvError) || error.code !== "MOVED" || !error.moved) throw error;
      if (context.metadata.get(forwardedHeader).length > 0) throw error;
      const address = this.#options.addressOf(error.moved);
      if (address === undefined) throw error;
      return await this.#forward<Q, A>(method, request, context, address);
    }
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  #forward<Q, A>(method: ForwardedMethod, request: Q, context: CallContext, address: string): Promise<A> {
    // The generated definition of each method fits its own request and answer; the map of all four cannot say so.
    const definition = storeService[method] as unknown as {
      path: string;
      requestSerialize: (request: Q) => Buffer;
      responseDeserialize: (bytes: Buffer) => A;
    };
    const metadata = new Metadata();
    metadata.set(forwardedHeader, "1");
    const leftMs = Math.min(context.deadlineMs - this.#options.clock.nowMs(), forwardMsDefault);
    const deadline = this.#options.clock.wallMs() + leftMs;
    return new Promise((resolve, reject) => {
      this.#channel(address).makeUnaryRequest(
        definition.path,
        definition.requestSerialize,
        definition.responseDeserialize,
        request,
        metadata,
        { deadline },
        (error: ServiceError | null, answer?: A) => {
          if (error) reject(forwardError(error, method));
          else resolve(answer as A);
        },
      );
    });
  }

  #channel(address: string): Channel {
    const known = this.#channels.get(address);
    if (known) return known;
    const bytes = messageBytesMax(this.#options.valueBytesMax);
    const channel = this.#options.openChannel(address, {
      "grpc.max_receive_message_length": bytes,
      "grpc.max_send_message_length": bytes,
    });
    this.#channels.set(address, channel);
    return channel;
  }
}

/** A write that was under way when the owner went silent may have happened. */
function forwardError(error: ServiceError, method: ForwardedMethod): EkvError {
  const known = fromServiceError(error);
  const isWrite = method === "put" || method === "delete";
  const lost =
    known.code === "UNAVAILABLE" || known.code === "DEADLINE_EXCEEDED" || known.code === "INTERNAL";
  if (!isWrite || known.notExecuted || !lost) return known;
  return new EkvError("OUTCOME_UNKNOWN", `the key's owner did not answer: ${known.message}`, {
    cause: known,
  });
}

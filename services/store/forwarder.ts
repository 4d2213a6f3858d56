import { Metadata } from "@grpc/grpc-js";
import { takenOver } from "../core/checks.js";
import { EkvError } from "../core/errors.js";
import { brandAs, type Epoch, type StoreId } from "../core/ids.js";
import { messageBytesMax, limits } from "../core/limits.js";
import type { Clock } from "../core/ports/clock.js";
import type { ServerIdentity } from "../core/server-identity.js";
import type { PartitionEntry, StoreEndpoint } from "../core/topology.js";
import type { CallContext } from "../runtime/handlers.js";
import type { Channel, OpenChannel } from "../wire/channel.js";
import { fromServiceError } from "../wire/errors.js";
import { storeService } from "../wire/services.js";
import { callUnary, type UnaryMethod } from "../wire/unary-call.js";

/** On a forwarded call: the epoch of the entry by which it was forwarded. */
const forwardedHeader = "ekv-forwarded";
/** For calls that came without a deadline. */
const forwardMsDefault = 30_000;

type ForwardedMethod = "get" | "put" | "delete" | "contains";

/** How calls reach their owner. */
export interface ForwarderOptions {
  readonly clock: Clock;
  readonly openChannel: OpenChannel;
  /** The cluster that this store belongs to. */
  clusterId(): string;
  /** An entry's primary, or undefined when it is not known here. */
  ownerOf(entry: PartitionEntry): StoreEndpoint | undefined;
  /** Resolves when this store has adopted an entry that another told it of, or a newer one. */
  adopted(entry: Pick<PartitionEntry, "partition" | "epoch">, deadlineMs: number): Promise<void>;
}

/** The way to one store, for as long as it is at this address. */
interface Owner {
  readonly identity: ServerIdentity;
  readonly address: string;
  readonly channel: Channel;
}

/** Sends unary calls for other stores' keys to their owner, so that any store answers any client. */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #owners = new Map<StoreId, Owner>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /**
   * Runs `here`; when that says MOVED and the call was not forwarded to this store, the owner executes the call. An owner
   * of yesterday, before this store has heard of the hand-off, says MOVED too: then the call waits for the newer entry,
   * which may name this very store, and is tried once more. So does a forwarded call at a store that has not heard yet
   * that it is the owner. A read that is cut off at the owner is tried once more too, at whoever is the owner by then.
   */
  async orForward<Q, A>(
    method: ForwardedMethod,
    request: Q,
    context: CallContext,
    here: () => Promise<A>,
  ): Promise<A> {
    const [forwardedBy] = context.metadata.get(forwardedHeader);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await here();
      } catch (error) {
        const entry = movedTo(error);
        if (entry === undefined) throw error;
        if (forwardedBy !== undefined) {
          const epoch = brandAs<Epoch>(Number(forwardedBy));
          if (!(entry.epoch < epoch) || attempt === limits.forwardAttemptsMax) throw error;
          await this.#options.adopted({ partition: entry.partition, epoch }, context.deadlineMs);
          continue;
        }
        const store = this.#options.ownerOf(entry);
        if (store === undefined) throw error;
        const owner = this.#owner(store);
        try {
          return await this.#forward<Q, A>(method, request, context, owner, entry.epoch);
        } catch (answer) {
          const known = takenOver(fromServiceError(answer), owner.address, owner.identity);
          if (attempt === limits.forwardAttemptsMax) throw known;
          const newer = movedTo(known);
          if (newer !== undefined) await this.#options.adopted(newer, context.deadlineMs);
          else if (!wasCutOff(known)) throw known;
        }
      }
    }
  }

  close(): void {
    for (const { channel } of this.#owners.values()) channel.close();
    this.#owners.clear();
  }

  #forward<Q, A>(
    method: ForwardedMethod,
    request: Q,
    context: CallContext,
    { channel }: Owner,
    epoch: Epoch,
  ): Promise<A> {
    const { clock } = this.#options;
    // The generated definition of each method fits its own request and answer; the map of all four cannot say so.
    const definition = storeService[method] as unknown as UnaryMethod<Q, A>;
    const metadata = new Metadata();
    metadata.set(forwardedHeader, String(epoch));
    const leftMs = Math.min(context.deadlineMs - clock.nowMs(), forwardMsDefault);
    return callUnary(channel, definition, request, {
      deadlineWallMs: clock.wallMs() + leftMs,
      metadata,
      writes: method === "put" || method === "delete",
    });
  }

  #owner({ storeId, address }: StoreEndpoint): Owner {
    const known = this.#owners.get(storeId);
    if (known?.address === address) return known;
    known?.channel.close();
    const { openChannel, clusterId } = this.#options;
    const identity = { clusterId: clusterId(), storeId };
    const channelOptions = {
      "grpc.max_receive_message_length": messageBytesMax,
      "grpc.max_send_message_length": messageBytesMax,
    };
    const owner = { identity, address, channel: openChannel(address, channelOptions, identity) };
    this.#owners.set(storeId, owner);
    return owner;
  }
}

/** The entry that a MOVED names. */
function movedTo(error: unknown): PartitionEntry | undefined {
  return error instanceof EkvError && error.code === "MOVED" ? error.moved : undefined;
}

/** Whether the owner went away with a call that may be repeated; writes end with OUTCOME_UNKNOWN then. */
function wasCutOff({ code, notExecuted }: EkvError): boolean {
  return code === "UNAVAILABLE" && !notExecuted;
}

import { Metadata, type MethodDefinition, type ServiceError, status } from "@grpc/grpc-js";
import { EkvError } from "../services/core/errors.js";
import type { Clock } from "../services/core/ports/clock.js";
import type * as wire from "../services/gen/elastickv/v1/master.js";
import type { Channel } from "../services/wire/channel.js";
import { fromServiceError } from "../services/wire/errors.js";
import { adminService } from "../services/wire/services.js";
import type { CallOptions } from "./options.js";
import { system, type System } from "./system.js";

export { EkvError, type ErrorCode } from "../services/core/errors.js";

const deadlineMsDefault = 10_000;
const messageBytesMax = 64 * 1024 * 1024;

/** How to reach a master. */
export interface AdminOptions {
  /** host:port; stores among them are passed over. */
  readonly seeds: readonly string[];
}

interface Seed {
  readonly address: string;
  readonly channel: Channel;
}

/** A client of AdminService. It finds the master among its seeds, at the first call and whenever one fails. */
export class AdminClient {
  readonly #clients: readonly Seed[];
  readonly #clock: Clock;
  #master = 0;

  /** Use `connectAdmin`. */
  constructor(seeds: readonly string[], { clock, openChannel }: System = system) {
    this.#clock = clock;
    this.#clients = seeds.map((address) => ({
      address,
      channel: openChannel(address, {
        "grpc.max_receive_message_length": messageBytesMax,
        "grpc.initial_reconnect_backoff_ms": 50,
        "grpc.min_reconnect_backoff_ms": 50,
        "grpc.max_reconnect_backoff_ms": 500,
      }),
    }));
  }

  /** Launches a store where the master can, and moves its share of the ring to it. With `dryRun`: the plan. */
  addStore(request: wire.AddStoreRequest, options?: CallOptions): Promise<wire.AddStoreResponse> {
    return this.#call(adminService.addStore, request, options);
  }

  /** Moves everything off a store, shuts it down and forgets it. With `dryRun`: the plan. */
  removeStore(request: wire.RemoveStoreRequest, options?: CallOptions): Promise<wire.RemoveStoreResponse> {
    return this.#call(adminService.removeStore, request, options);
  }

  /** Moves partitions until every store has its share. With `dryRun`: the plan. */
  rebalance(request: wire.RebalanceRequest, options?: CallOptions): Promise<wire.RebalanceResponse> {
    return this.#call(adminService.rebalance, request, options);
  }

  /** Every store the master knows. */
  listStores(request: wire.ListStoresRequest = {}, options?: CallOptions): Promise<wire.ListStoresResponse> {
    return this.#call(adminService.listStores, request, options);
  }

  /** The hash ring as merged ranges. */
  describeRing(
    request: wire.DescribeRingRequest = {},
    options?: CallOptions,
  ): Promise<wire.DescribeRingResponse> {
    return this.#call(adminService.describeRing, request, options);
  }

  /** One operation. */
  getOperation(request: wire.GetOperationRequest, options?: CallOptions): Promise<wire.GetOperationResponse> {
    return this.#call(adminService.getOperation, request, options);
  }

  /** Operations, newest first. */
  listOperations(
    request: wire.ListOperationsRequest,
    options?: CallOptions,
  ): Promise<wire.ListOperationsResponse> {
    return this.#call(adminService.listOperations, request, options);
  }

  /** Rolls back the moves that can be; those past their commit go forward. */
  cancelOperation(
    request: wire.CancelOperationRequest,
    options?: CallOptions,
  ): Promise<wire.CancelOperationResponse> {
    return this.#call(adminService.cancelOperation, request, options);
  }

  /** Starts no further move. */
  pauseOperation(
    request: wire.PauseOperationRequest,
    options?: CallOptions,
  ): Promise<wire.PauseOperationResponse> {
    return this.#call(adminService.pauseOperation, request, options);
  }

  /** Takes a paused operation up again. */
  resumeOperation(
    request: wire.ResumeOperationRequest,
    options?: CallOptions,
  ): Promise<wire.ResumeOperationResponse> {
    return this.#call(adminService.resumeOperation, request, options);
  }

  /** The cluster at a glance. */
  getClusterStatus(
    request: wire.GetClusterStatusRequest = {},
    options?: CallOptions,
  ): Promise<wire.GetClusterStatusResponse> {
    return this.#call(adminService.getClusterStatus, request, options);
  }

  /** An operation now and at every change, until it ends. Without a deadline unless one is given. */
  async *watchOperation(
    request: wire.WatchOperationRequest,
    options: CallOptions = {},
  ): AsyncIterableIterator<wire.Operation> {
    // Finds the master first: a stream cannot be passed on to another seed halfway.
    await this.getOperation(request, options);
    const { path, requestSerialize, responseDeserialize } = adminService.watchOperation;
    const deadline = options.deadlineMs === undefined ? Infinity : this.#clock.wallMs() + options.deadlineMs;
    const stream = this.#present().channel.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
      { deadline },
    );
    const abort = (): void => stream.cancel();
    options.signal?.addEventListener("abort", abort);
    try {
      for await (const { operation } of stream as AsyncIterable<wire.WatchOperationResponse>) {
        if (operation) yield operation;
      }
    } catch (error) {
      throw fromServiceError(error);
    } finally {
      options.signal?.removeEventListener("abort", abort);
      // Leaving the loop early cancels the stream, which then reports that; nobody is left to tell.
      stream.on("error", () => undefined);
      stream.cancel();
    }
  }

  close(): Promise<void> {
    for (const { channel } of this.#clients) channel.close();
    return Promise.resolve();
  }

  #present(): Seed {
    const present = this.#clients[this.#master % this.#clients.length];
    if (present === undefined)
      throw new EkvError("INVALID_ARGUMENT", "seeds: is empty; give host:port of the master");
    return present;
  }

  /** Asks the seed that answered last; one that is down, or no master, hands over to the next. */
  async #call<Q, A>(method: MethodDefinition<Q, A>, request: Q, options: CallOptions = {}): Promise<A> {
    let notMaster = 0;
    let last: EkvError | undefined;
    for (let tried = 0; tried < this.#clients.length; tried += 1) {
      const { address, channel } = this.#present();
      try {
        return await callOnce(channel, this.#clock, method, request, options);
      } catch (error) {
        const isStore = (error as Partial<ServiceError>).code === status.UNIMPLEMENTED;
        const known = fromServiceError(error);
        if (!isStore && known.code !== "UNAVAILABLE") throw known;
        this.#master += 1;
        if (isStore) {
          notMaster += 1;
          continue;
        }
        const message = `the master at ${address} cannot be reached: ${known.message}`;
        last = new EkvError("UNAVAILABLE", message, { cause: known });
      }
    }
    if (notMaster > 0 && notMaster === this.#clients.length) {
      throw new EkvError("FAILED_PRECONDITION", "the seeds are stores; this needs the master's host:port");
    }
    throw last ?? new EkvError("INVALID_ARGUMENT", "seeds: is empty; give host:port of the master");
  }
}

function callOnce<Q, A>(
  channel: Channel,
  clock: Clock,
  method: MethodDefinition<Q, A>,
  request: Q,
  options: CallOptions,
): Promise<A> {
  const deadline = clock.wallMs() + (options.deadlineMs ?? deadlineMsDefault);
  return new Promise((resolve, reject) => {
    const call = channel.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      new Metadata(),
      { deadline },
      (error: ServiceError | null, answer?: A) => {
        options.signal?.removeEventListener("abort", abort);
        if (error) reject(error);
        else resolve(answer as A);
      },
    );
    const abort = (): void => call.cancel();
    if (options.signal?.aborted === true) abort();
    options.signal?.addEventListener("abort", abort);
  });
}

/** A client of the master's administration. Connects at the first call. */
export function connectAdmin({ seeds }: AdminOptions): AdminClient {
  return new AdminClient(seeds);
}

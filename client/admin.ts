import { Metadata, type MethodDefinition } from "@grpc/grpc-js";
import { EkvError, errorOfCall, invalidArgument } from "../services/core/errors.js";
import { limits } from "../services/core/limits.js";
import type { Clock } from "../services/core/ports/clock.js";
import type * as wire from "../services/gen/elastickv/v1/master.js";
import { AbortWatch } from "../services/wire/abort-watch.js";
import { fromServiceError } from "../services/wire/errors.js";
import { adminService } from "../services/wire/services.js";
import { callUnary } from "../services/wire/unary-call.js";
import { completeRequest, methodName } from "./admin-request.js";
import { adminTable } from "./call-options.js";
import type { CallTrace } from "./call-trace.js";
import { MasterSearch } from "./master-search.js";
import { checkOptions, optionTable, refusedBy } from "./option-checks.js";
import type { CallOptions } from "./options.js";
import { seedsCheck } from "./seeds.js";
import { system, type System } from "./system.js";

export { EkvError, type ErrorCode } from "../services/core/errors.js";

const connectTable = optionTable("connectAdmin", { seeds: seedsCheck });
const deadlineMsDefault = 10_000;

/** How to reach a master. */
export interface AdminOptions {
  /** host:port; stores among them are passed over. */
  readonly seeds: readonly string[];
}

/** A client of AdminService. It finds the master among its seeds, at the first call and whenever one fails. */
export class AdminClient {
  readonly #search: MasterSearch;
  readonly #clock: Clock;

  /** Use `connectAdmin`. */
  constructor(seeds: readonly string[], world: System = system) {
    this.#clock = world.clock;
    this.#search = new MasterSearch(seeds, world);
  }

  /** Launches a store where the master can, and moves its share of the ring to it. With `dryRun`: the plan. */
  addStore(request: wire.AddStoreRequest, options?: CallOptions): Promise<wire.AddStoreResponse> {
    return this.#write(adminService.addStore, request, options);
  }

  /** Moves everything off a store, shuts it down and forgets it. With `dryRun`: the plan. */
  removeStore(request: wire.RemoveStoreRequest, options?: CallOptions): Promise<wire.RemoveStoreResponse> {
    return this.#write(adminService.removeStore, request, options);
  }

  /** Starts the process of a store that is down. Resolves when it was started, before it has registered. */
  startStore(request: wire.StartStoreRequest, options?: CallOptions): Promise<wire.StartStoreResponse> {
    return this.#write(adminService.startStore, request, options);
  }

  /** Moves partitions until every store has its share. With `dryRun`: the plan. */
  rebalance(request: wire.RebalanceRequest, options?: CallOptions): Promise<wire.RebalanceResponse> {
    return this.#write(adminService.rebalance, request, options);
  }

  /** Every store the master knows. */
  listStores(request: wire.ListStoresRequest = {}, options?: CallOptions): Promise<wire.ListStoresResponse> {
    return this.#read(adminService.listStores, request, options);
  }

  /** The hash ring as merged ranges. */
  describeRing(
    request: wire.DescribeRingRequest = {},
    options?: CallOptions,
  ): Promise<wire.DescribeRingResponse> {
    return this.#read(adminService.describeRing, request, options);
  }

  /** One operation. */
  getOperation(request: wire.GetOperationRequest, options?: CallOptions): Promise<wire.GetOperationResponse> {
    return this.#read(adminService.getOperation, request, options);
  }

  /** Operations, newest first. */
  listOperations(
    request: wire.ListOperationsRequest,
    options?: CallOptions,
  ): Promise<wire.ListOperationsResponse> {
    return this.#read(adminService.listOperations, request, options);
  }

  /** Rolls back the moves that can be; those past their commit go forward. */
  cancelOperation(
    request: wire.CancelOperationRequest,
    options?: CallOptions,
  ): Promise<wire.CancelOperationResponse> {
    return this.#write(adminService.cancelOperation, request, options);
  }

  /** Starts no further move. */
  pauseOperation(
    request: wire.PauseOperationRequest,
    options?: CallOptions,
  ): Promise<wire.PauseOperationResponse> {
    return this.#write(adminService.pauseOperation, request, options);
  }

  /** Takes a paused operation up again. */
  resumeOperation(
    request: wire.ResumeOperationRequest,
    options?: CallOptions,
  ): Promise<wire.ResumeOperationResponse> {
    return this.#write(adminService.resumeOperation, request, options);
  }

  /** The cluster at a glance. */
  getClusterStatus(
    request: wire.GetClusterStatusRequest = {},
    options?: CallOptions,
  ): Promise<wire.GetClusterStatusResponse> {
    return this.#read(adminService.getClusterStatus, request, options);
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
    const { address, channel } = await this.#search.find({
      deadlineWallMs: deadline,
      signal: options.signal,
    });
    const stream = channel.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
      { deadline },
    );
    const watch = options.signal && new AbortWatch(options.signal, () => stream.cancel());
    try {
      for await (const { operation } of stream as AsyncIterable<wire.WatchOperationResponse>) {
        if (operation) yield operation;
      }
    } catch (error) {
      const { signal } = options;
      const known = signal?.aborted
        ? new EkvError("CANCELLED", "the caller gave the watch up", { cause: signal.reason })
        : fromServiceError(error);
      throw errorOfCall(known, { call: "watchOperation", attempts: 1, store: address });
    } finally {
      watch?.stop();
      // Leaving the loop early cancels the stream, which then reports that; nobody is left to tell.
      stream.on("error", () => undefined);
      stream.cancel();
    }
  }

  close(): Promise<void> {
    this.#search.close();
    return Promise.resolve();
  }

  /** A call that changes nothing: repeated when its connection breaks. */
  async #read<Q, A>(method: MethodDefinition<Q, A>, request: Q, options: CallOptions = {}): Promise<A> {
    return await this.#call(method, request, options, false);
  }

  /** A call that changes something, unless it is a dry run. OUTCOME_UNKNOWN when it may have done so. */
  async #write<Q extends object, A>(
    method: MethodDefinition<Q, A>,
    request: Q,
    options: CallOptions = {},
  ): Promise<A> {
    // Not checked yet: it may be anything.
    const isDry = (request as Partial<wire.RebalanceRequest> | undefined)?.dryRun === true;
    return await this.#call(method, request, options, !isDry);
  }

  /** Checks what the caller gave, and names the call in its error. */
  async #call<Q, A>(
    method: MethodDefinition<Q, A>,
    request: Q,
    options: CallOptions,
    writes: boolean,
  ): Promise<A> {
    checkOptions(options, adminTable);
    const complete = completeRequest(method, request);
    const trace: CallTrace = { attempts: 0, store: undefined };
    try {
      return await this.#ask(method, complete, options, writes, trace);
    } catch (error) {
      throw errorOfCall(fromServiceError(error), { call: methodName(method), ...trace });
    }
  }

  /** Asks the master. A call that nobody has executed, or that changes nothing, is repeated once if its connection breaks. */
  async #ask<Q, A>(
    method: MethodDefinition<Q, A>,
    request: Q,
    { deadlineMs = deadlineMsDefault, signal }: CallOptions,
    writes: boolean,
    trace: CallTrace,
  ): Promise<A> {
    const deadlineWallMs = this.#clock.wallMs() + deadlineMs;
    for (;;) {
      const master = await this.#search.find({ deadlineWallMs, signal });
      trace.attempts += 1;
      trace.store = master.address;
      try {
        const answer = await callUnary(master.channel, method, request, { deadlineWallMs, signal, writes });
        this.#search.answered();
        return answer;
      } catch (error) {
        const known = fromServiceError(error);
        this.#search.lost();
        const mayRepeat = known.code === "UNAVAILABLE" && (this.#search.size > 1 || !known.notExecuted);
        if (!mayRepeat || trace.attempts === limits.adminAttemptsMax)
          throw await this.#search.failureOf(master, known);
      }
    }
  }
}

/** A client of the master's administration. Connects at the first call. */
export function connectAdmin(options: AdminOptions): AdminClient {
  checkOptions(options, connectTable);
  const problem = seedsCheck((options as AdminOptions | undefined)?.seeds);
  if (problem !== undefined) throw refusedBy("connectAdmin", invalidArgument("seeds", problem));
  return new AdminClient(options.seeds);
}

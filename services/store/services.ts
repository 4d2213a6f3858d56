import type { Socket } from "node:net";
import { identityViolation } from "../core/checks.js";
import { EkvError } from "../core/errors.js";
import { limits, messageBytesMax } from "../core/limits.js";
import type { Clock } from "../core/ports/clock.js";
import type { ServerIdentity } from "../core/server-identity.js";
import {
  CatchUpRequest,
  CatchUpResponse,
  type MigrationServiceServer,
  TransferRequest,
  TransferResponse,
} from "../gen/elastickv/v1/migration.js";
import {
  type GetStoreStatusResponse,
  PipelineRequest,
  PipelineResponse,
  type StoreServiceServer,
} from "../gen/elastickv/v1/store.js";
import type { MigrationTarget } from "../migration/target.js";
import type { ServedService } from "../runtime/grpc-server.js";
import { streamHandler, unaryHandler } from "../runtime/handlers.js";
import type { Logger } from "../runtime/log.js";
import { Standstill } from "../runtime/standstill.js";
import type { TopologyFeed } from "../runtime/topology-feed.js";
import { topologyHandlers } from "../runtime/topology-handlers.js";
import type { OpenChannel } from "../wire/channel.js";
import { toServiceError } from "../wire/errors.js";
import type { FramedProtocol } from "../wire/framed-connection.js";
import { FramedStream, type MessageType } from "../wire/framed-stream.js";
import { migrationService, storeService, topologyService } from "../wire/services.js";
import { browse } from "./browse.js";
import { Forwarder } from "./forwarder.js";
import { Pipeline, type PipelineStream } from "./pipeline.js";
import type { Store } from "./store.js";
import { UnaryCalls } from "./unary.js";

/** A client whose machine is gone must not hold its pipeline, of which there is a limit, for ever. */
const framedKeepaliveMs = 30_000;

/** A framed stream of moves to this store. */
interface FramedMove {
  fail(error: EkvError): void;
  on(event: "close", listener: () => void): unknown;
}

/** What a store's gRPC services work with. */
export interface StoreServicesOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly feed: TopologyFeed;
  readonly clusterId: () => string;
  readonly storeId: string;
  readonly engine: string;
  readonly durability: string;
  readonly streamsMax: number;
  readonly callsInFlightMax: number;
  /** To the stores that unary calls are forwarded to. */
  readonly openChannel: OpenChannel;
}

/** The gRPC services of a store, which listen before the store itself is open: its address is needed to register. */
export class StoreServices {
  readonly #options: StoreServicesOptions;
  readonly #pipelines = new Set<Pipeline>();
  readonly #moves = new Set<FramedMove>();
  readonly #forwarder: Forwarder;
  readonly #standstill: Standstill;
  #store: Store | undefined;
  #unary: UnaryCalls | undefined;

  constructor(options: StoreServicesOptions) {
    this.#options = options;
    this.#standstill = new Standstill(options.clock);
    this.#forwarder = new Forwarder({
      clock: options.clock,
      openChannel: options.openChannel,
      clusterId: options.clusterId,
      ownerOf: (entry) => this.#store?.ownerOf(entry),
      adopted: async (entry, deadlineMs) => await this.#store?.calls.adopted(entry, deadlineMs),
    });
  }

  /** Lets calls through to the store. */
  open(store: Store): void {
    this.#store = store;
    this.#standstill.start();
    this.#unary = new UnaryCalls(store.calls, this.#forwarder);
  }

  /** Which server this is. */
  identity(): ServerIdentity {
    return { clusterId: this.#options.clusterId(), storeId: this.#options.storeId };
  }

  /** What to serve. */
  served(): ServedService[] {
    const { feed } = this.#options;
    return [
      { name: "elastickv.v1.StoreService", definition: storeService, handlers: { ...this.#storeHandlers() } },
      {
        name: "elastickv.v1.MigrationService",
        definition: migrationService,
        messageItemsMax: limits.messageItemsMaxBetweenServers,
        handlers: { ...this.#migrationHandlers() },
      },
      {
        name: "elastickv.v1.TopologyService",
        definition: topologyService,
        handlers: { ...topologyHandlers(feed, limits.topologyWatchersMax, this.#options) },
      },
    ];
  }

  /** Takes a framed connection: a stream of messages without HTTP/2. */
  takeFramed(socket: Socket, protocol: FramedProtocol): void {
    if (protocol === "pipeline" || protocol === "pipeline-1") {
      const parts = protocol === "pipeline";
      const stream = this.#framed(socket, PipelineResponse, PipelineRequest, parts);
      return this.#openPipeline(stream, (error) => stream.fail(error));
    }
    if (protocol === "transfer") {
      const stream = this.#framed(socket, TransferResponse, TransferRequest);
      return this.#openMove(stream, (target) => target.transfer(stream));
    }
    const stream = this.#framed(socket, CatchUpResponse, CatchUpRequest);
    this.#openMove(stream, (target) => target.catchUp(stream));
  }

  /** Answers what pipelines have in flight and ends them, and the streams of moves. */
  drain(): void {
    for (const pipeline of this.#pipelines) pipeline.drain();
    for (const move of this.#moves) move.fail(notServing());
  }

  close(): void {
    this.#standstill.stop();
    this.#forwarder.close();
  }

  #storeHandlers(): StoreServiceServer {
    const options = { ...this.#options, arrivedMs: (): number => this.#standstill.arrivedMs() };
    const { clock } = options;
    const calls = (): UnaryCalls => {
      if (this.#unary && this.#store?.isRunning) return this.#unary;
      throw notServing();
    };
    return {
      get: unaryHandler(options, (request, context) => calls().get(request, context)),
      put: unaryHandler(options, (request, context) => calls().put(request, context)),
      delete: unaryHandler(options, (request, context) => calls().delete(request, context)),
      contains: unaryHandler(options, (request, context) => calls().contains(request, context)),
      multiGet: unaryHandler(options, (request, context) => calls().multiGet(request, context)),
      multiPut: unaryHandler(options, (request, context) => calls().multiPut(request, context)),
      multiDelete: unaryHandler(options, (request, context) => calls().multiDelete(request, context)),
      browse: streamHandler(options, async (request, { signal }, send) => {
        const store = this.#running();
        for (const page of browse({ kvMap: store.kvMap, self: () => store.ownership.self }, request)) {
          if (signal.aborted) return;
          await send(page);
          // One page a turn: a browse of everything must not hold up single calls.
          await new Promise<void>((resolve) => clock.endOfTurn(resolve));
        }
      }),
      pipeline: (stream) =>
        this.#openPipeline(stream, (error) => stream.emit("error", toServiceError(error))),
      getStoreStatus: unaryHandler(options, () => this.#status()),
    };
  }

  #migrationHandlers(): MigrationServiceServer {
    return {
      transfer: (call) => {
        if (this.#store?.isRunning) this.#store.target.transfer(call);
        else call.emit("error", toServiceError(notServing()));
      },
      catchUp: (call) => {
        if (this.#store?.isRunning) this.#store.target.catchUp(call);
        else call.emit("error", toServiceError(notServing()));
      },
    };
  }

  #framed<Out, In extends ServerIdentity>(
    socket: Socket,
    sent: MessageType<Out>,
    received: MessageType<In>,
    parts = false,
  ): FramedStream<Out, In> {
    const { clock } = this.#options;
    const stream = new FramedStream<Out, In>({
      socket,
      sent,
      received,
      messageBytesMax,
      keepaliveMs: framedKeepaliveMs,
      clock,
      refusalOf: (first) => identityViolation(first, this.identity()),
      parts,
    });
    // What breaks a connection has nobody else to tell; whoever uses it sees that it is closed.
    stream.on("error", () => stream.destroy());
    return stream;
  }

  #openMove(stream: FramedMove, run: (target: MigrationTarget) => void): void {
    if (!this.#store?.isRunning) return stream.fail(notServing());
    this.#moves.add(stream);
    stream.on("close", () => this.#moves.delete(stream));
    run(this.#store.target);
  }

  #openPipeline(stream: PipelineStream, fail: (error: EkvError) => void): void {
    const { streamsMax, clock, callsInFlightMax } = this.#options;
    if (!this.#store?.isRunning) return fail(notServing());
    if (this.#pipelines.size >= streamsMax) {
      const message = `${streamsMax} pipelines are open at this store; share one client, or raise streams-max`;
      const retryAfterMs = limits.pipelineRetryMs;
      return fail(new EkvError("RESOURCE_EXHAUSTED", message, { notExecuted: true, retryAfterMs }));
    }
    const { calls, kvMap, ownership } = this.#store;
    const pipeline = new Pipeline(stream, {
      calls,
      kvMap,
      clock,
      clusterId: this.#options.clusterId(),
      arrivedMs: () => this.#standstill.arrivedMs(),
      callsInFlightMax,
      self: () => ownership.self,
      fail,
    });
    this.#pipelines.add(pipeline);
    stream.on("close", () => this.#pipelines.delete(pipeline));
  }

  #running(): Store {
    if (this.#store?.isRunning) return this.#store;
    throw notServing();
  }

  #status(): GetStoreStatusResponse {
    const store = this.#running();
    const owned = store.ownership.owned();
    const { storeId, engine, durability } = this.#options;
    return {
      clusterId: this.#options.clusterId(),
      storeId,
      incarnation: store.ownership.self.incarnation,
      topologyVersion: store.appliedVersion(),
      isRunning: store.isRunning,
      keys: owned.reduce((sum, { digest }) => sum + digest.keys, 0),
      bytes: owned.reduce((sum, { digest }) => sum + digest.bytes, 0),
      ownedPartitions: owned.map(({ id }) => id),
      migratingPartitions: owned.filter(({ isMigrating }) => isMigrating).map(({ id }) => id),
      reads: store.calls.reads,
      writes: store.calls.writes,
      engine,
      durability,
    };
  }
}

function notServing(): EkvError {
  return new EkvError("UNAVAILABLE", "the store is starting or shutting down", { notExecuted: true });
}

import { type Epoch, type MoveId, type StoreId, brandAs } from "../../services/core/ids.js";
import { messageBytesMax, limits } from "../../services/core/limits.js";
import type { StorageEngine } from "../../services/core/ports/storage-engine.js";
import { hashKey, partitionOf } from "../../services/core/hash.js";
import type { PartitionEntry, Replica, StoreEndpoint } from "../../services/core/topology.js";
import type { HeartbeatResponse, MoveReport } from "../../services/gen/elastickv/v1/master.js";
import { systemClock } from "../../services/runtime/clock.js";
import { systemRandom } from "../../services/runtime/random.js";
import { startServer, type RunningServer } from "../../services/runtime/grpc-server.js";
import { createLogger } from "../../services/runtime/log.js";
import { TopologyFeed } from "../../services/runtime/topology-feed.js";
import { processUsage } from "../../services/runtime/usage.js";
import { LoadMeter } from "../../services/store/load-meter.js";
import { StoreServices } from "../../services/store/services.js";
import { Store } from "../../services/store/store.js";
import { openGrpcChannel } from "../../services/wire/grpc-channel.js";
import { connectFramed } from "../../services/wire/framed-connection.js";
import { endpointToWire, entryToWire, replicaToWire } from "../../services/wire/topology.js";
import { waitFor } from "./wait-for.js";
import { memoryEngine } from "./engines.js";

const log = createLogger({ service: "test", level: "error", format: "json" });

/** A real store with real gRPC, whose master is the test. */
export interface HandStore {
  readonly replica: Replica;
  readonly store: Store;
  readonly server: RunningServer;
  readonly engine: StorageEngine;
  /** It was ordered to stop, and has nothing more to do. */
  isEmptied: boolean;
  stop(): Promise<void>;
}

/** Stores whose topology the test writes by hand, entry by entry. */
export class HandCluster {
  readonly partitionCount: number;
  readonly stores: HandStore[] = [];
  readonly entries: PartitionEntry[];
  /** Stores that no commit reaches. */
  readonly unreached: Set<HandStore> = new Set<HandStore>();
  /** Stores that are being removed, from the next commit on. */
  readonly draining: Set<StoreId> = new Set<StoreId>();
  readonly clusterId: string;
  readonly #advertised = new Map<string, string>();
  #version = 0;

  constructor(partitionCount = 4, clusterId = "hand-made") {
    this.partitionCount = partitionCount;
    this.clusterId = clusterId;
    this.entries = Array.from({ length: partitionCount }, (_, partition) => ({
      partition: partition as PartitionEntry["partition"],
      epoch: brandAs<Epoch>(0),
      primary: undefined,
      backups: [],
      learners: [],
      halted: false,
    }));
  }

  /** Starts a store, or starts one again on the engine of its former run. `port` 0: any free one. */
  async start(
    name: string,
    engine: StorageEngine = memoryEngine(),
    incarnation = 1,
    port = 0,
  ): Promise<HandStore> {
    const storeId = brandAs<StoreId>(name);
    const { clusterId } = this;
    const feed = new TopologyFeed();
    const services = new StoreServices({
      clock: systemClock,
      log,
      feed,
      clusterId: () => clusterId,
      storeId,
      engine: engine.name,
      durability: "commit",
      streamsMax: 100,
      callsInFlightMax: 10_000,
      openChannel: openGrpcChannel,
    });
    const server = await startServer({
      host: "127.0.0.1",
      port,
      services: services.served(),
      identity: () => services.identity(),
      framed: (socket, protocol) => services.takeFramed(socket, protocol),
      messageBytesMax,
    });
    const store = await Store.open({
      storeId,
      identity: { clusterId, partitionCount: this.partitionCount, storeId },
      engine,
      clock: systemClock,
      random: systemRandom,
      log,
      valueBytesMax: limits.valueBytesMax,
      parkMs: 5000,
      parkedCallsMax: 10_000,
      weight: 1,
      processId: `${name}-${incarnation}`,
      dataLossAccepted: false,
      engineName: engine.name,
      durability: "commit",
      loadMeter: new LoadMeter(systemClock, processUsage()),
      openChannel: openGrpcChannel,
      connectFramed,
      address: () => Promise.resolve(server.address),
      report: () => undefined,
      topologyChanged: (topology) => feed.publish(topology),
      isLeaving: () => false,
      shutdown: () => {
        started.isEmptied = true;
      },
      stay: () => undefined,
    });
    await store.registered({
      clusterId,
      partitionCount: this.partitionCount,
      incarnation,
      term: 1,
      heartbeatIntervalMs: 500,
    });
    services.open(store);
    const started: HandStore = {
      replica: { storeId, incarnation: incarnation as Replica["incarnation"] },
      store,
      server,
      engine,
      isEmptied: false,
      stop: async () => {
        store.stop();
        services.drain();
        await server.stop(200);
        services.close();
        const at = this.stores.indexOf(started);
        if (at >= 0) this.stores.splice(at, 1);
      },
    };
    this.stores.push(started);
    return started;
  }

  /** Changes entries and pushes the topology to every store, as a master does after its commit. */
  async commit(
    ...entries: readonly (Partial<Omit<PartitionEntry, "partition">> & { readonly partition: number })[]
  ): Promise<void> {
    for (const entry of entries) {
      const known = this.entries[entry.partition] as PartitionEntry;
      this.entries[entry.partition] = { ...known, ...entry } as PartitionEntry;
    }
    this.#version += 1;
    for (const started of this.stores) {
      if (!this.unreached.has(started)) await started.store.received(this.#push([]));
    }
  }

  /** Makes clients reach a store at another address. */
  async advertise(storeId: string, address: string): Promise<void> {
    this.#advertised.set(storeId, address);
    await this.commit();
  }

  /** Gives every partition to one store at epoch 1. */
  async assignAll(owner: HandStore): Promise<void> {
    await this.commit(
      ...this.entries.map(({ partition }) => ({
        partition,
        epoch: brandAs<Epoch>(1),
        primary: owner.replica,
      })),
    );
  }

  /** Announces `target` as learner of a move and orders the source to copy. */
  async beginMove(moveId: string, partition: number, source: HandStore, target: HandStore): Promise<void> {
    await this.commit({
      partition,
      learners: [{ replica: target.replica, moveId: brandAs<MoveId>(moveId) }],
    });
    const action = {
      $case: "startCopy",
      value: {
        target: replicaToWire(target.replica),
        targetAddress: this.#addressOf(target),
        rateBytesPerSecond: 0,
      },
    } as const;
    await source.store.received(
      this.#push([{ moveId, partition, epoch: this.entryOf(partition).epoch, action }]),
    );
  }

  /** Makes the target of a ready move the backup, at the next epoch, and orders the hand-over. */
  async transfer(moveId: string, partition: number, source: HandStore, target: HandStore): Promise<void> {
    const epoch = brandAs<Epoch>(this.entryOf(partition).epoch + 1);
    await this.commit({ partition, epoch, backups: [target.replica], learners: [] });
    const action = { $case: "transferLeadership", value: {} } as const;
    await source.store.received(this.#push([{ moveId, partition, epoch, action }]));
  }

  /** Makes the target primary, at the next epoch. */
  async finishMove(partition: number, target: HandStore): Promise<void> {
    const epoch = brandAs<Epoch>(this.entryOf(partition).epoch + 1);
    await this.commit({ partition, epoch, primary: target.replica, backups: [], learners: [] });
  }

  /** Waits until the source reports a move in this state. */
  async reported(source: HandStore, moveId: string, state: string): Promise<MoveReport> {
    return await waitFor(`${moveId} to be ${state}`, () =>
      source.store.source
        .reports()
        .find((report) => report.moveId === moveId && report.state?.$case === state),
    );
  }

  entryOf(partition: number): PartitionEntry {
    return this.entries[partition] as PartitionEntry;
  }

  /** A key of a partition: the `index`th of an endless list. */
  keyOf(partition: number, index: number): Buffer {
    const bits = Math.log2(this.partitionCount);
    for (let i = 0, found = -1; ; i += 1) {
      const key = Buffer.from(`key-${i}`);
      if (partitionOf(hashKey(key), bits) === partition) found += 1;
      if (found === index) return key;
    }
  }

  /** The store that owns a key. */
  ownerOf(key: string): StoreId | undefined {
    const partition = partitionOf(hashKey(Buffer.from(key)), Math.log2(this.partitionCount));
    return this.entryOf(partition).primary?.storeId;
  }

  async stop(): Promise<void> {
    for (const store of [...this.stores]) await store.stop();
  }

  #addressOf({ replica, server }: Pick<HandStore, "replica" | "server">): string {
    return this.#advertised.get(replica.storeId) ?? server.address;
  }

  #push(directives: HeartbeatResponse["directives"]): HeartbeatResponse {
    const stores = this.stores.map(({ replica, server }): StoreEndpoint => ({
      ...replica,
      address: this.#addressOf({ replica, server }),
      alive: true,
      state: this.draining.has(replica.storeId) ? "draining" : "active",
    }));
    return {
      term: 1,
      topology: {
        $case: "snapshot",
        value: {
          clusterId: this.clusterId,
          partitionCount: this.partitionCount,
          version: this.#version,
          term: 1,
          stores: stores.map(endpointToWire),
          partitions: this.entries.map(entryToWire),
        },
      },
      directives,
    };
  }
}

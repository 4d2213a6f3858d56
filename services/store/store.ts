import { EkvError } from "../core/errors.js";
import {
  brandAs,
  type Epoch,
  type Generation,
  type Incarnation,
  type MoveId,
  type PartitionId,
  type StoreId,
} from "../core/ids.js";
import { backoffs } from "../core/limits.js";
import type { Clock } from "../core/ports/clock.js";
import type { Random } from "../core/ports/random.js";
import type { StorageEngine } from "../core/ports/storage-engine.js";
import { Backoff } from "../core/retry/backoff.js";
import { ExpirySweep } from "../core/store/expiry-sweep.js";
import { Generations } from "../core/store/generations.js";
import { pauseBehindCalls, pauseWhileUrgent, Turns } from "../core/store/turns.js";
import { KVMap } from "../core/store/kv-map.js";
import type { Partition } from "../core/store/partition.js";
import { applyDelta, type PartitionEntry, type StoreEndpoint, type Topology } from "../core/topology.js";
import type {
  Directive,
  HeartbeatResponse,
  MoveReport,
  RegisterRequest,
  RegisterResponse,
  StoreLoad,
  StrayReplica,
} from "../gen/elastickv/v1/master.js";
import { MigrationSource, type ReportTime } from "../migration/source.js";
import { MigrationTarget } from "../migration/target.js";
import type { Logger } from "../runtime/log.js";
import type { OpenChannel } from "../wire/channel.js";
import type { ConnectFramed } from "../wire/framed-connection.js";
import { deltaFromWire, replicaFromWire, topologyFromWire } from "../wire/topology.js";
import { Adoption } from "./adoption.js";
import { Calls } from "./calls.js";
import type { Identity } from "./identity.js";
import type { LoadMeter } from "./load-meter.js";
import type { MembershipHandler } from "./membership.js";
import { Ownership } from "./ownership.js";

/** How long a copy waits before each chunk while others of its partitions are handed over, in milliseconds. */
const copyWaitMs = 15;
/**
 * Between two flushes of data that has moved here, in milliseconds at most, and as a multiple of how long the last took:
 * a flush holds up commits, and until it has ended a source keeps what it gave away.
 */
const flushPauseMsMax = 200;
const flushPauseShare = 4;

/** How a store is run. */
export interface StoreOptions {
  readonly storeId: StoreId;
  readonly identity: Identity;
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly valueBytesMax: number;
  readonly parkMs: number;
  readonly parkedCallsMax: number;
  readonly weight: number;
  /** Random, of this process. */
  readonly processId: string;
  /** It may come back without the data it held; see RegisterRequest. */
  readonly dataLossAccepted: boolean;
  /** As configured; see RegisterRequest. */
  readonly engineName: string;
  readonly durability: string;
  readonly loadMeter: LoadMeter;
  readonly openChannel: OpenChannel;
  /** See StoreHost. */
  readonly connectFramed: ConnectFramed | undefined;
  /** host:port that others reach this store at now. */
  address(): Promise<string>;
  /** There is something to tell the master: at once, or soon, with what there will be by then. */
  report(when: ReportTime): void;
  /** The topology changed. */
  topologyChanged(topology: Topology): void;
  /** The store asks the master to be emptied. */
  isLeaving(): boolean;
  /** The master ordered this store, which holds nothing more, to stop. */
  shutdown(): void;
  /** The master will not empty the store, which asked for it. */
  stay(reason: string): void;
}

/** A store: its data, what it owns, the moves it takes part in, and what it knows of the cluster. */
export class Store implements MembershipHandler {
  readonly kvMap: KVMap;
  readonly calls: Calls;
  readonly source: MigrationSource;
  readonly target: MigrationTarget;
  readonly ownership: Ownership;
  readonly #options: StoreOptions;
  readonly #generations: Generations;
  readonly #expirySweep: ExpirySweep;
  #topology: Topology | undefined;
  #appliedVersion = 0;
  #term = 0;
  readonly #adoption: Adoption;
  /** As last told. */
  #problem: string | undefined;
  #unconfirmed: { readonly version: number; readonly flush: boolean } | undefined;
  #confirming = false;
  /** Of flushes: a source waits for them, and the operation for the source. */
  readonly #flushBackoff: Backoff;
  /** Orders to delete that were carried out, until told. */
  #deleted: MoveReport[] = [];
  #stopped = false;

  private constructor(options: StoreOptions) {
    this.#options = options;
    const { engine, clock, identity, valueBytesMax, storeId } = options;
    const { partitionCount, clusterId } = identity;
    this.#flushBackoff = new Backoff(backoffs.storeDisk, options.random);
    this.kvMap = new KVMap({
      engine,
      clock,
      partitionCount,
      endOfTurn: (callback) => clock.endOfTurn(callback),
      onFailStop: (partition, error) => {
        options.log.error("the storage engine failed", { partition: partition.id, reason: error.message });
        this.source.engineFailed(partition, error);
      },
    });
    this.#expirySweep = new ExpirySweep(this.kvMap, clock);
    const self = (): Ownership["self"] => this.ownership.self;
    this.calls = new Calls({
      kvMap: this.kvMap,
      clock,
      valueBytesMax,
      parkMs: options.parkMs,
      parkedCallsMax: options.parkedCallsMax,
      self,
    });
    const newPause = (): (() => Promise<void>) =>
      pauseBehindCalls(clock, () => this.calls.reads + this.calls.writes);
    const turns = new Turns(newPause());
    this.#generations = new Generations(engine, turns);
    this.ownership = new Ownership({
      kvMap: this.kvMap,
      engine,
      generations: this.#generations,
      storeId,
      discard: (partition, generation) => this.#discard(partition, generation),
    });
    const sourcePause = newPause();
    // Calls wait for a hand-off, and nobody for a copy.
    const handoffPause = pauseWhileUrgent(clock, () => this.source.isHandingOver, copyWaitMs);
    this.source = new MigrationSource({
      kvMap: this.kvMap,
      engine,
      clock,
      clusterId,
      partitionCount,
      openChannel: options.openChannel,
      connectFramed: options.connectFramed,
      // Its own: what is deleted must not hold up what goes out.
      turns: new Turns(async () => {
        await sourcePause();
        await handoffPause();
      }),
      self,
      reported: (when) => options.report(when),
    });
    this.target = new MigrationTarget({
      kvMap: this.kvMap,
      engine,
      clock,
      random: options.random,
      turns,
      clusterId,
      partitionCount,
      self,
      nextGeneration: () => this.#generations.next(),
      discard: (partition, generation) => this.#discard(partition, generation),
    });
    this.ownership.connect(this.source, this.target);
    this.#adoption = this.#newAdoption(options);
  }

  #newAdoption({ clock, random, log }: StoreOptions): Adoption {
    const recorded = (version: number, mustLast: boolean): void => this.#recorded(version, mustLast);
    return new Adoption({ ownership: this.ownership, clock, random, log, recorded });
  }

  /** Takes up what the disk holds. Serves nothing before the master names this run in an entry. */
  static async open(options: StoreOptions): Promise<Store> {
    const store = new Store(options);
    await store.#generations.load();
    for (const { partition, generation } of store.ownership.load(store.target.restore())) {
      store.#discard(partition, generation);
    }
    store.#expirySweep.start();
    return store;
  }

  get isRunning(): boolean {
    return !this.#stopped;
  }

  /** The topology as far as it is known. */
  get topology(): Topology | undefined {
    return this.#topology;
  }

  /** An entry's primary, or undefined when it is not known here. */
  ownerOf({ primary }: PartitionEntry): StoreEndpoint | undefined {
    return this.#topology?.stores.find(({ storeId }) => storeId === primary?.storeId);
  }

  async registration(): Promise<RegisterRequest> {
    const { storeId, identity, weight, processId, dataLossAccepted } = this.#options;
    return {
      storeId,
      clusterId: identity.clusterId,
      partitionCount: identity.partitionCount,
      address: await this.#options.address(),
      held: this.ownership.held(),
      weight,
      processId,
      dataLossAccepted,
      storedVersion: this.ownership.storedVersion(),
      completeMoveIds: this.target.completeMoves(),
      engine: this.#options.engineName,
      durability: this.#options.durability,
    };
  }

  registered(response: RegisterResponse): Promise<void> {
    this.ownership.identify(brandAs<Incarnation>(response.incarnation));
    this.#options.log.info("registered with the master", {
      incarnation: response.incarnation,
      term: response.term,
    });
    return Promise.resolve();
  }

  async received({ term, topology, directives }: HeartbeatResponse): Promise<void> {
    if (term < this.#term) {
      throw new EkvError("FAILED_PRECONDITION", `a master of term ${term} was deposed by term ${this.#term}`);
    }
    this.#term = term;
    if (topology?.$case === "snapshot") {
      const { clusterId } = this.#options.identity;
      if (topology.value.clusterId !== clusterId) {
        const message = `the master sent the topology of cluster ${topology.value.clusterId} to a store of ${clusterId}`;
        throw new EkvError("FAILED_PRECONDITION", message);
      }
      await this.#adopt(topologyFromWire(topology.value));
    }
    if (topology?.$case === "delta") {
      const delta = deltaFromWire(topology.value);
      const next = this.#topology && applyDelta(this.#topology, delta);
      if (!next) {
        throw new EkvError(
          "UNAVAILABLE",
          `the change from version ${delta.fromVersion} does not fit; asking anew`,
        );
      }
      await this.#adopt(next, delta.partitions);
    }
    for (const directive of directives) this.#obey(directive);
  }

  load(): StoreLoad {
    const owned = this.ownership.owned();
    const { reads, writes } = this.calls;
    return this.#options.loadMeter.measure(owned, {
      reads,
      writes,
      expiryLagMs: this.#expirySweep.lagMs(),
    });
  }

  reports(everything: boolean): MoveReport[] {
    const deleted = this.#deleted;
    this.#deleted = [];
    return [...(everything ? this.source.reports() : this.source.news()), ...deleted];
  }

  strays(): StrayReplica[] {
    return this.ownership.strays();
  }

  problems(): string[] {
    const problem = this.#adoption.problem ?? this.#options.engine.problem();
    if (problem !== this.#problem) {
      const { log } = this.#options;
      if (problem === undefined) log.info("writes are taken again");
      else log.warn("not all calls can be served", { problem });
    }
    this.#problem = problem;
    return problem === undefined ? [] : [problem];
  }

  isLeaving(): boolean {
    return this.#options.isLeaving();
  }

  appliedVersion(): number {
    return this.#appliedVersion;
  }

  /** Takes no more calls, ends the waiting ones, and lets go of peers and timers. The engine stays open. */
  stop(): void {
    this.#stopped = true;
    this.#adoption.stop();
    this.#expirySweep.stop();
    this.calls.stop();
    this.source.close();
    this.target.close();
  }

  /** Adopts a newer version: what it takes from this store closes at once, what it gives opens when durable. */
  async #adopt(topology: Topology, changed: readonly PartitionEntry[] = topology.partitions): Promise<void> {
    this.#topology = topology;
    await this.#adoption.adopt(changed, topology.version);
    this.#options.topologyChanged(topology);
  }

  #recorded(version: number, mustLast: boolean): void {
    this.#unconfirmed = { version, flush: mustLast || (this.#unconfirmed?.flush ?? false) };
    if (!this.#confirming) this.#confirm();
  }

  /** Tells the master what is adopted, behind one flush for all that went live meanwhile; serving does not wait. */
  #confirm(): void {
    const unconfirmed = this.#unconfirmed;
    this.#confirming = unconfirmed !== undefined;
    if (!unconfirmed) return;
    this.#unconfirmed = undefined;
    const { engine, clock } = this.#options;
    if (!unconfirmed.flush) {
      // Nobody waits for it: it is told with what comes next.
      this.#appliedVersion = unconfirmed.version;
      return this.#confirm();
    }
    const startedMs = clock.nowMs();
    engine.flush().then(
      () => {
        this.#flushBackoff.succeeded();
        this.#appliedVersion = unconfirmed.version;
        // While more comes there is more to tell soon, and no call waits for this.
        this.#options.report(this.target.isBusy ? "soon" : "now");
        const pauseMs = Math.min(flushPauseMsMax, flushPauseShare * (clock.nowMs() - startedMs));
        clock.setTimer(pauseMs, () => this.#confirm());
      },
      (error: unknown) => {
        if (this.#stopped) return;
        this.#unconfirmed = { version: this.#unconfirmed?.version ?? unconfirmed.version, flush: true };
        this.#options.log.error("adopted data could not be flushed; its source is kept", { error });
        clock.setTimer(this.#flushBackoff.failed(), () => this.#confirm());
      },
    );
  }

  #obey({ moveId: id, partition, epoch: planned, action }: Directive): void {
    const moveId = brandAs<MoveId>(id);
    const epoch = brandAs<Epoch>(planned);
    switch (action?.$case) {
      case "startCopy": {
        const { target, targetAddress, rateBytesPerSecond } = action.value;
        if (!target) return;
        return this.source.copy({
          moveId,
          partition: brandAs<PartitionId>(partition),
          epoch,
          target: replicaFromWire(target),
          targetAddress,
          rateBytesPerSecond,
        });
      }
      case "transferLeadership":
        return this.source.transfer(moveId, epoch);
      case "deleteReplica":
        return this.#retire(moveId, partition, epoch, brandAs<Generation>(action.value.generation));
      case "shutdown":
        // What it gave away does not stay behind in its folder.
        return void this.#generations.idle().then(() => this.#options.shutdown());
      case "stay":
        return this.#options.stay(action.value.reason);
      case undefined:
        this.#options.log.warn("the master sent an order that this version does not know", { moveId });
    }
  }

  /** Only an entry newer than the order's plan lets data go. */
  #retire(moveId: MoveId, id: number, epoch: Epoch, generation: Generation): void {
    const partition = this.kvMap.partitions[id];
    if (!partition || partition.epoch < epoch) return;
    if (moveId === "") return this.#retireStray(partition, epoch, generation);
    this.#letGo(partition, generation).then(
      (deleted) => {
        if (!deleted) return;
        const pauseMs = this.source.takePause(partition.id, moveId) ?? 0;
        this.#deleted.push({
          moveId,
          partition: id,
          epoch,
          state: { $case: "deleted", value: { generation, pauseMs } },
        });
        this.#options.report(this.source.isBusy ? "soon" : "now");
      },
      (error: unknown) =>
        this.#options.log.error("a released partition could not be given up", { partition: id, error }),
    );
  }

  /** As {@link Ownership.retire}. A store that is being removed deletes first: nobody does once it has left. */
  async #letGo(partition: Partition, generation: Generation): Promise<boolean> {
    if (!(await this.ownership.retire(partition, generation))) return false;
    if (this.#isDraining()) {
      await this.#generations.delete(partition.id, generation);
      await this.#generations.idle();
    }
    return true;
  }

  /** Whether this store gives everything away, to be removed. */
  #isDraining(): boolean {
    const { storeId } = this.#options;
    return (
      this.#topology?.stores.some((store) => store.storeId === storeId && store.state === "draining") ?? false
    );
  }

  /** Deletes a copy of what another serves. Nobody waits for it: a stray that is still there is told of again. */
  #retireStray(partition: Partition, epoch: Epoch, generation: Generation): void {
    if (partition.epoch !== epoch) return;
    const { id } = partition;
    this.#options.log.info("a copy of what another store serves is deleted", { partition: id, epoch });
    this.ownership.retire(partition, generation).catch((error: unknown) => {
      this.#options.log.error("a copy of what another store serves could not be deleted", {
        partition: id,
        error,
      });
    });
  }

  #discard(
    partition: PartitionId,
    generation: Generation,
    backoff = new Backoff(backoffs.storeDisk, this.#options.random),
  ): void {
    this.#generations.delete(partition, generation).catch((error: unknown) => {
      if (this.#stopped) return;
      this.#options.log.error("leftover data could not be deleted; it stays invisible", { partition, error });
      this.#options.clock.setTimer(backoff.failed(), () => {
        if (!this.#stopped) this.#discard(partition, generation, backoff);
      });
    });
  }
}

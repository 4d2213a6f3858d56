/** A master's machine with stores that are as simple as can be, driven by hand: no time passes, nothing runs by itself. */
import {
  brandAs,
  type ClusterId,
  type Generation,
  type Incarnation,
  type MoveId,
  type PartitionId,
  type StoreId,
  type TopologyVersion,
} from "../../services/core/ids.js";
import type { CommittedView } from "../../services/core/master/state/committed-view.js";
import type { Directive, MasterEffect, MasterReply } from "../../services/core/master/effects.js";
import type {
  AdminRequest,
  HeldReplica,
  MasterEvent,
  MoveReport,
  StrayReplica,
} from "../../services/core/master/events.js";
import { MasterMachine } from "../../services/core/master/machine.js";
import type { MasterOptions } from "../../services/core/master/options.js";
import { clusterChange, termChange } from "../../services/core/master/state/persistence.js";
import { hasRole, type PartitionEntry, type Replica } from "../../services/core/topology.js";
import { describeDelta, describeDirective } from "./describe.js";

export const clusterId: ClusterId = brandAs<ClusterId>("cluster-of-the-tests");

export function id(text: string): StoreId {
  return brandAs<StoreId>(text);
}

/** A store that keeps copies without data. */
export class BenchStore {
  readonly storeId: StoreId;
  processId = "";
  incarnation: Incarnation = brandAs<Incarnation>(0);
  streamId: number | undefined;
  applied: TopologyVersion = brandAs<TopologyVersion>(0);
  /** The version that its disk holds. */
  stored: TopologyVersion = brandAs<TopologyVersion>(0);
  /** The moves to it whose copy is complete and not live. */
  completeMoves: readonly MoveId[] = [];
  /** Newest adopted entry of each partition. */
  readonly entries = new Map<PartitionId, PartitionEntry>();
  /** Live copies by partition. */
  readonly live = new Map<PartitionId, Generation>();
  /** The epoch at which each partition was released last: it serves no more before a higher one. */
  readonly released = new Map<PartitionId, number>();
  /** Orders not carried out yet. */
  inbox: Directive[] = [];
  isStopped = false;
  /** It asks to be emptied. */
  isLeaving = false;
  /** What it was told instead. */
  stayed: string | undefined;
  #generation = 0;

  constructor(storeId: StoreId) {
    this.storeId = storeId;
  }

  get replica(): Replica {
    return { storeId: this.storeId, incarnation: this.incarnation };
  }

  /** Adopts entries by epoch; a copy of what it owns goes live. */
  adopt(entries: readonly PartitionEntry[], version: TopologyVersion): void {
    for (const entry of entries) {
      const known = this.entries.get(entry.partition);
      if (known && known.epoch > entry.epoch) continue;
      this.entries.set(entry.partition, entry);
      if (this.owns(entry.partition) && !this.live.has(entry.partition)) {
        this.#generation += 1;
        this.live.set(entry.partition, brandAs<Generation>(this.#generation));
      }
    }
    this.applied = version;
    this.stored = version;
  }

  owns(partition: PartitionId): boolean {
    const entry = this.entries.get(partition);
    return (
      entry !== undefined &&
      !entry.halted &&
      (this.released.get(partition) ?? 0) < entry.epoch &&
      entry.primary?.storeId === this.storeId &&
      entry.primary.incarnation === this.incarnation
    );
  }

  held(): HeldReplica[] {
    return [...this.live.keys()].flatMap((partition) => {
      const entry = this.entries.get(partition);
      return entry ? [{ entry, keys: 10, bytes: 100 }] : [];
    });
  }

  /** Live copies of partitions in which it has no role. */
  strays(): StrayReplica[] {
    return [...this.live].flatMap(([partition, generation]) => {
      const entry = this.entries.get(partition);
      return entry === undefined || hasRole(entry, this.storeId)
        ? []
        : [{ partition, epoch: entry.epoch, generation }];
    });
  }

  /** What it reports when it has carried an order out. */
  obey(directive: Directive): MoveReport | undefined {
    if (directive.kind === "shutdown") {
      this.isStopped = true;
      return undefined;
    }
    if (directive.kind === "stay") {
      this.stayed = directive.reason;
      this.isLeaving = false;
      return undefined;
    }
    if (directive.kind === "delete-stray") {
      if (this.live.get(directive.partition) === directive.generation) this.live.delete(directive.partition);
      return undefined;
    }
    const { moveId, partition, epoch } = directive;
    const entry = this.entries.get(partition);
    if (directive.kind === "delete-replica") {
      if (entry?.primary?.storeId !== this.storeId) this.live.delete(partition);
      return {
        moveId,
        partition,
        epoch,
        state: { kind: "deleted", generation: directive.generation, pauseMs: 4 },
      };
    }
    if (entry?.epoch !== epoch || entry.primary?.storeId !== this.storeId) return undefined;
    if (directive.kind === "start-copy") {
      return { moveId, partition, epoch, state: { kind: "ready", keys: 10, bytes: 100 } };
    }
    const generation = this.live.get(partition) ?? brandAs<Generation>(0);
    this.released.set(partition, epoch);
    return { moveId, partition, epoch, state: { kind: "released", generation } };
  }
}

export const benchOptions: MasterOptions = {
  placement: "balanced",
  initialStores: 1,
  autoJoin: true,
  launches: false,
  scaled: false,
  launchesInitial: true,
  suspectAfterMs: 3000,
  movesInFlightMax: 4,
  movesPerStoreMax: 4,
  handoffsPerStoreMax: 4,
  moveAttemptsMax: 3,
};

export interface BenchOptions extends Partial<MasterOptions> {
  readonly partitionCount?: number;
}

/** Thrown when the master dies where a test wants it to. */
export class MasterDied extends Error {}

export class MasterBench {
  /** The master dies at this commit: right after it, or when its effects have been performed too. */
  diesAt: { readonly commits: number; readonly performed: boolean } | undefined;
  readonly options: MasterOptions;
  readonly partitionCount: number;
  /** What survives a crash of the master. */
  committed = new Map<string, string>();
  /** What was committed after each step that committed anything, for restarts in the past. */
  readonly history: ReadonlyMap<string, string>[] = [];
  readonly stores = new Map<StoreId, BenchStore>();
  readonly trace: string[] = [];
  readonly effects: MasterEffect[] = [];
  machine: MasterMachine;
  view: CommittedView;
  nowMs = 1000;
  #lastId = 0;
  #term = 1;
  #replies = new Map<number, MasterReply>();

  constructor({ partitionCount = 4, ...options }: BenchOptions = {}) {
    this.options = { ...benchOptions, ...options };
    this.partitionCount = partitionCount;
    const created = clusterChange({ clusterId, partitionCount, createdAtMs: 0 });
    this.committed.set(created.key, created.value ?? "");
    this.machine = this.#restore();
    this.view = this.machine.committedView();
  }

  /** The master is killed and comes back with what was committed at that point (default: now). */
  restart(committed: ReadonlyMap<string, string> = this.committed): void {
    this.diesAt = undefined;
    this.#term += 1;
    this.committed = new Map(committed);
    this.machine = this.#restore();
    this.view = this.machine.committedView();
    for (const store of this.stores.values()) {
      store.streamId = undefined;
      store.inbox = [];
    }
  }

  #restore(): MasterMachine {
    const term = termChange(brandAs(this.#term));
    this.committed.set(term.key, term.value ?? "");
    return MasterMachine.restore(new Map(this.committed), this.options, this.nowMs);
  }

  store(storeId: string): BenchStore {
    const known = this.stores.get(id(storeId));
    if (known) return known;
    const store = new BenchStore(id(storeId));
    this.stores.set(store.storeId, store);
    return store;
  }

  entry(partition: number): PartitionEntry {
    return this.view.ring.entry(brandAs<PartitionId>(partition));
  }

  /** Steps, commits, performs. */
  submit(event: MasterEvent): void {
    const { changes, effects } = this.machine.step(event, this.nowMs, 1_000_000 + this.nowMs);
    for (const { key, value } of changes) {
      if (value === undefined) this.committed.delete(key);
      else this.committed.set(key, value);
    }
    if (changes.length > 0) this.history.push(new Map(this.committed));
    const dies = this.diesAt !== undefined && this.history.length >= this.diesAt.commits;
    if (dies && !this.diesAt?.performed) throw new MasterDied();
    for (const effect of effects) this.#perform(effect);
    if (dies) throw new MasterDied();
  }

  #perform(effect: MasterEffect): void {
    this.effects.push(effect);
    switch (effect.kind) {
      case "publish":
        this.view.publish(effect.delta);
        for (const store of this.stores.values()) {
          if (store.streamId !== undefined) store.adopt(effect.delta.partitions, effect.delta.version);
        }
        this.trace.push(`publish ${describeDelta(effect)}`);
        return;
      case "operations-changed":
        this.view.changeOperations(effect.change);
        return;
      case "reply":
        this.#replies.set(effect.requestId, effect.reply);
        return;
      case "open-stream": {
        const { partitions, version } = this.view.topology;
        this.stores.get(effect.storeId)?.adopt(partitions, version);
        return;
      }
      case "end-stream":
        for (const store of this.stores.values()) {
          if (store.streamId === effect.streamId) store.streamId = undefined;
        }
        this.trace.push(`end-stream ${effect.error.code}`);
        return;
      case "send": {
        const store = [...this.stores.values()].find(({ streamId }) => streamId === effect.streamId);
        store?.inbox.push(effect.directive);
        this.trace.push(`send ${store?.storeId} ${describeDirective(effect.directive)}`);
        return;
      }
      case "launch":
      case "remove-launched":
      case "probe":
        this.trace.push(`${effect.kind} ${effect.storeId}`);
        return;
      case "notice":
        return;
    }
  }

  /** Asks something of the master as an operator and returns the answer. */
  ask(request: AdminRequest): MasterReply {
    this.#lastId += 1;
    const requestId = this.#lastId;
    this.submit({ kind: "admin", requestId, request });
    return this.#reply(requestId);
  }

  #reply(requestId: number): MasterReply {
    const reply = this.#replies.get(requestId);
    if (reply === undefined) throw new Error("the request was not answered");
    return reply;
  }

  /** Registers a store, under a new process unless it runs already, and opens its stream. */
  start(storeId: string, processId?: string): MasterReply {
    const store = this.store(storeId);
    this.#lastId += 1;
    store.processId = processId ?? `process-${this.#lastId}`;
    store.isStopped = false;
    const reply = this.register(store);
    if (reply.kind === "registered") {
      store.incarnation = reply.incarnation;
      this.openStream(store);
    }
    return reply;
  }

  register(store: BenchStore): MasterReply {
    this.#lastId += 1;
    const requestId = this.#lastId;
    this.submit({
      kind: "register",
      requestId,
      registration: {
        storeId: store.storeId,
        clusterId: store.incarnation === 0 ? undefined : clusterId,
        partitionCount: store.incarnation === 0 ? undefined : this.partitionCount,
        address: `${store.storeId}:1`,
        weight: 1,
        processId: store.processId,
        dataLossAccepted: false,
        held: store.held(),
        storedVersion: store.stored,
        completeMoves: store.completeMoves,
      },
    });
    return this.#reply(requestId);
  }

  openStream(store: BenchStore): void {
    this.#lastId += 1;
    const streamId = this.#lastId;
    store.streamId = streamId;
    this.submit({
      kind: "stream-opened",
      streamId,
      clusterId,
      storeId: store.storeId,
      incarnation: store.incarnation,
    });
    this.beat(store);
  }

  /** A heartbeat without load. */
  beat(store: BenchStore, ...reports: MoveReport[]): void {
    if (store.streamId === undefined) return;
    this.submit({
      kind: "heartbeat",
      streamId: store.streamId,
      storeId: store.storeId,
      appliedVersion: store.applied,
      load: undefined,
      reports,
      strays: [],
      leaving: store.isLeaving,
    });
  }

  /** A periodic heartbeat. @param strays what it reports as such */
  beatWithLoad(store: BenchStore, strays: readonly StrayReplica[] = store.strays()): void {
    if (store.streamId === undefined) return;
    const partitions = [...store.live.keys()]
      .filter((partition) => store.owns(partition))
      .map((partition) => ({ partition, keys: 10, bytes: 100 }));
    this.submit({
      kind: "heartbeat",
      streamId: store.streamId,
      storeId: store.storeId,
      appliedVersion: store.applied,
      load: {
        keys: partitions.length * 10,
        bytes: partitions.length * 100,
        readsPerSecond: 0,
        writesPerSecond: 0,
        eventLoopDelayP99Ms: 0,
        residentBytes: 0,
        expiryLagMs: 0,
        partitions,
      },
      reports: [],
      strays,
      leaving: store.isLeaving,
    });
  }

  /** The store's process is killed, and the probe finds nobody. */
  kill(storeId: string): void {
    const store = this.store(storeId);
    const { streamId, incarnation } = store;
    store.streamId = undefined;
    store.inbox = [];
    if (streamId === undefined) return;
    this.submit({ kind: "stream-closed", streamId, storeId: store.storeId });
    this.submit({ kind: "probed", storeId: store.storeId, incarnation, reachable: false });
  }

  tick(afterMs: number): void {
    this.nowMs += afterMs;
    this.submit({ kind: "tick" });
  }

  /** Lets one store carry out its oldest order. Returns whether it had one. */
  work(storeId: string): boolean {
    const store = this.store(storeId);
    const directive = store.inbox.shift();
    if (directive === undefined) return false;
    if (directive.kind === "delete-replica" || directive.kind === "delete-stray")
      this.#assertNotLast(directive.partition);
    const report = store.obey(directive);
    if (report) this.beat(store, report);
    else this.beat(store);
    if (store.isStopped) {
      this.kill(storeId);
      this.submit({ kind: "launched-removed", storeId: store.storeId, error: undefined });
    }
    return true;
  }

  /** Before a source deletes its copy, the owner has one. */
  #assertNotLast(partition: PartitionId): void {
    const { primary } = this.view.ring.entry(partition);
    const owner = primary && this.stores.get(primary.storeId);
    if (owner?.live.has(partition)) return;
    throw new Error(`the last copy of partition ${partition} would be deleted`);
  }

  /** Lets the stores work until no order is left and every version is applied. */
  settle(): void {
    for (let round = 0; round < 10_000; round += 1) {
      let worked = false;
      for (const store of this.stores.values()) worked = this.work(store.storeId) || worked;
      for (const store of this.stores.values()) this.beat(store);
      if (!worked && [...this.stores.values()].every(({ inbox }) => inbox.length === 0)) return;
    }
    throw new Error("the cluster does not settle");
  }

  /** Primary and epoch of each partition: `store-1@2 store-2@4 …` */
  owners(): string {
    return this.view.topology.partitions
      .map(({ primary, epoch }) => `${primary?.storeId ?? "nobody"}@${epoch}`)
      .join(" ");
  }

  /** How many partitions each store has, as committed. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { primary } of this.view.topology.partitions) {
      const owner = primary?.storeId ?? "nobody";
      counts[owner] = (counts[owner] ?? 0) + 1;
    }
    return counts;
  }

  /** `operation-1 add-store finished succeeded` */
  operationLine(operationId: string): string {
    const found = this.view.operation(brandAs(operationId));
    if (found === undefined) return "unknown";
    const { task, stage } = found.operation;
    return [task.kind, stage.kind, "outcome" in stage ? stage.outcome : ""].join(" ").trim();
  }
}

export function report(
  moveId: string,
  partition: number,
  epoch: number,
  state: MoveReport["state"],
): MoveReport {
  return {
    moveId: brandAs<MoveId>(moveId),
    partition: brandAs<PartitionId>(partition),
    epoch: brandAs(epoch),
    state,
  };
}

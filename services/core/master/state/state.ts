import { ConsistentHashMap } from "../../consistent-hash-map.js";
import { assertInvariant } from "../../errors.js";
import {
  brandAs,
  type MoveId,
  type OperationId,
  type PartitionId,
  type StoreId,
  type TopologyVersion,
} from "../../ids.js";
import { KVStoreMap } from "../../kv-store-map.js";
import { MigratingList } from "../../migrating-list.js";
import type { PartitionEntry, Replica, StoreEndpoint } from "../../topology.js";
import type { MasterEffect, MasterStep, MoveProgress, Notice } from "../effects.js";
import type { PartitionLoad, StoreLoad } from "../events.js";
import { Handoffs } from "../operations/handoffs.js";
import { MoveIndex } from "../operations/move-index.js";
import { MoveQueue } from "../operations/move-queue.js";
import type { MasterOptions } from "../options.js";
import { describeStore } from "./store-info.js";
import type { MasterRecords } from "./persistence.js";
import type {
  ClusterRecord,
  Counters,
  MoveRecord,
  OperationRecord,
  StoreRecord,
  StoreRegistration,
} from "./records.js";
import { StepDraft } from "./step-draft.js";
import { StoreProblems } from "../membership/store-problems.js";

/** What the master knows of a store's present run. Lost at a restart of the master, and made good by heartbeats. */
export interface StorePresence {
  /** The heartbeat stream that is open. */
  streamId: number | undefined;
  /** Monotonic; the master's start, before the first. */
  lastHeartbeatMs: number;
  /** Newest topology version that the store has durably adopted. */
  appliedVersion: TopologyVersion;
  /** When an emptied store was first seen to be on its way out; monotonic. */
  leavingSinceMs: number | undefined;
  /** The launcher was asked to take it away. */
  removalAsked: boolean;
  /** When its present run first asked to be emptied, for it is being stopped; monotonic. */
  leaveWishedAtMs: number | undefined;
  /** Its removal was begun for that. */
  leaveBegun: boolean;
}

/** Keys and bytes of a partition, as its primary last reported them. */
export interface PartitionSize {
  readonly keys: number;
  readonly bytes: number;
}

const emptySize: PartitionSize = { keys: 0, bytes: 0 };

/** A store as clients and stores need to know it; undefined until it has registered. */
export function endpointOf(record: StoreRecord): StoreEndpoint | undefined {
  if (record.registration === undefined) return undefined;
  const { incarnation, address, alive } = record.registration;
  return { storeId: record.storeId, incarnation, address, alive, state: record.state };
}

/** The present run of a store. The store has registered. */
export function replicaOf(record: StoreRecord): Replica {
  assertInvariant(record.registration !== undefined, `store ${record.storeId} has not registered`);
  return { storeId: record.storeId, incarnation: record.registration.incarnation };
}

function sameEndpoint(a: StoreEndpoint | undefined, b: StoreEndpoint | undefined): boolean {
  return (
    a?.incarnation === b?.incarnation &&
    a?.address === b?.address &&
    a?.alive === b?.alive &&
    a?.state === b?.state
  );
}

/**
 * The master's state in memory, ahead of what is committed. Whatever lasts is changed through the setters, which note
 * it for the step's commit and publication.
 */
export class MasterState {
  readonly options: MasterOptions;
  readonly cluster: ClusterRecord;
  readonly term: MasterRecords["term"];
  readonly ring: ConsistentHashMap;
  readonly migrating: MigratingList = new MigratingList();
  readonly kvStoreMap: KVStoreMap = new KVStoreMap();
  /** Which operation put which stores on the migrating list. */
  readonly participants: Map<OperationId, readonly StoreId[]> = new Map();
  readonly moves: MoveIndex = new MoveIndex();
  /** The moves that are planned, of operations that have started. */
  readonly queue: MoveQueue = new MoveQueue();
  /** Which moves hand over, of those that could. */
  readonly handoffs: Handoffs = new Handoffs();
  /** When an order was last sent for a move, or last seen to be followed; monotonic. */
  readonly orderedAtMs: Map<MoveId, number> = new Map();
  /** The processes of launched stores that were taken away: what they sent before may still come. */
  readonly departed: Map<StoreId, string> = new Map<StoreId, string>();
  /** For operators; nothing is decided by it. */
  readonly problems: StoreProblems = new StoreProblems();
  /** Moves whose target, the key, has yet to apply that it owns the partition. */
  readonly awaited: Map<StoreId, Set<MoveId>> = new Map();
  readonly startedAtMs: number;
  nowMs: number;
  /** Monotonic; the start, before the first. */
  lastTickMs: number;
  wallMs = 0;
  /** Whether a pending operation may have become able to start. */
  agendaChanged = true;

  readonly #stores = new Map<StoreId, StoreRecord>();
  readonly #presences = new Map<StoreId, StorePresence>();
  readonly #loads = new Map<StoreId, StoreLoad>();
  readonly #operations = new Map<OperationId, OperationRecord>();
  readonly #active = new Set<OperationId>();
  readonly #sizes: PartitionSize[];
  readonly #owned = new Map<StoreId, number>();
  #unassigned: number;
  #counters: Counters;
  #draft = new StepDraft();

  /** @param nowMs monotonic time of the start */
  constructor(records: MasterRecords, options: MasterOptions, nowMs: number) {
    this.options = options;
    this.cluster = records.cluster;
    this.term = records.term;
    this.startedAtMs = nowMs;
    this.nowMs = nowMs;
    this.lastTickMs = nowMs;
    this.#counters = records.counters;
    this.#sizes = Array.from({ length: records.cluster.partitionCount }, () => emptySize);
    this.#unassigned = records.cluster.partitionCount;
    this.ring = new ConsistentHashMap(records.cluster.partitionCount);
    for (const entry of records.entries) this.#placeEntry(entry);
    for (const store of records.stores) this.#placeStore(store);
    for (const operation of records.operations) this.#placeOperation(operation);
    for (const move of records.moves) this.#restoreMove(move);
  }

  /** The newest topology version before this step. */
  get version(): TopologyVersion {
    return this.#counters.topologyVersion;
  }

  /** The version that this step's changes of the topology will have. */
  get nextVersion(): TopologyVersion {
    return brandAs<TopologyVersion>(this.version + 1);
  }

  /** Partitions without a primary. */
  get unassigned(): number {
    return this.#unassigned;
  }

  // Partitions

  entry(partition: PartitionId): PartitionEntry {
    return this.ring.entry(partition);
  }

  setEntry(entry: PartitionEntry): void {
    this.#placeEntry(entry);
    this.#draft.noteEntry(entry);
  }

  /** Number of partitions that a store is primary of. */
  ownedBy(storeId: StoreId): number {
    return this.#owned.get(storeId) ?? 0;
  }

  size(partition: PartitionId): PartitionSize {
    return this.#sizes[partition] ?? emptySize;
  }

  setSizes(loads: readonly PartitionLoad[]): void {
    for (const { partition, keys, bytes } of loads) {
      if (partition < this.#sizes.length) this.#sizes[partition] = { keys, bytes };
    }
  }

  // Stores

  store(storeId: StoreId): StoreRecord | undefined {
    return this.#stores.get(storeId);
  }

  stores(): readonly StoreRecord[] {
    return [...this.#stores.values()];
  }

  setStore(record: StoreRecord): void {
    const before = this.#stores.get(record.storeId);
    const endpoint = endpointOf(record);
    if (!sameEndpoint(before && endpointOf(before), endpoint))
      this.#draft.noteEndpoint(record.storeId, endpoint);
    this.#placeStore(record);
    this.#draft.noteStore(record.storeId, record);
    this.agendaChanged = true;
  }

  deleteStore(storeId: StoreId): void {
    const before = this.#stores.get(storeId);
    if (before?.registration) this.#draft.noteEndpoint(storeId, undefined);
    this.#stores.delete(storeId);
    this.#presences.delete(storeId);
    this.#loads.delete(storeId);
    this.problems.forget(storeId);
    this.kvStoreMap.deleteData(storeId);
    this.#draft.noteStore(storeId, undefined);
    this.agendaChanged = true;
  }

  /** How a store is registered; undefined: it never was. */
  readonly registrationOf = (storeId: StoreId): StoreRegistration | undefined =>
    this.#stores.get(storeId)?.registration;

  isAlive(storeId: StoreId): boolean {
    return this.kvStoreMap.read(storeId)?.alive ?? false;
  }

  presence(storeId: StoreId): StorePresence {
    const known = this.#presences.get(storeId);
    if (known) return known;
    const presence: StorePresence = {
      streamId: undefined,
      lastHeartbeatMs: this.startedAtMs,
      appliedVersion: brandAs<TopologyVersion>(0),
      leavingSinceMs: undefined,
      removalAsked: false,
      leaveWishedAtMs: undefined,
      leaveBegun: false,
    };
    this.#presences.set(storeId, presence);
    return presence;
  }

  /** The last load of a store; undefined before the first. */
  load(storeId: StoreId): StoreLoad | undefined {
    return this.#loads.get(storeId);
  }

  setLoad(storeId: StoreId, load: StoreLoad): void {
    this.#loads.set(storeId, load);
    this.setSizes(load.partitions);
    this.kvStoreMap.updateField(storeId, "keyNum", load.keys);
    this.kvStoreMap.updateField(storeId, "lastHeartbeatMs", this.wallMs);
  }

  // Operations

  operation(id: OperationId): OperationRecord | undefined {
    return this.#operations.get(id);
  }

  operations(): readonly OperationRecord[] {
    return [...this.#operations.values()];
  }

  /** Those that have not finished, in order of creation. */
  activeOperations(): readonly OperationRecord[] {
    return [...this.#active].flatMap((id) => this.#operations.get(id) ?? []);
  }

  nextOperationId(): OperationId {
    const operations = this.#counters.operations + 1;
    this.#counters = { ...this.#counters, operations };
    this.#draft.noteCounters();
    return brandAs<OperationId>(`operation-${operations}`);
  }

  setOperation(operation: OperationRecord): void {
    this.#placeOperation(operation);
    this.#draft.noteOperation(operation.id, operation);
  }

  forgetOperation(id: OperationId): void {
    this.#operations.delete(id);
    this.#draft.noteOperation(id, undefined);
  }

  // Moves

  nextMoveId(): MoveId {
    const moves = this.#counters.moves + 1;
    this.#counters = { ...this.#counters, moves };
    this.#draft.noteCounters();
    return brandAs<MoveId>(`move-${moves}`);
  }

  setMove(move: MoveRecord): void {
    this.moves.set(move);
    this.handoffs.note(move);
    this.#draft.noteMove(move);
  }

  endMove(move: MoveRecord): void {
    this.moves.delete(move.id);
    this.handoffs.forget(move.id);
    this.orderedAtMs.delete(move.id);
    this.awaited.get(move.targetId)?.delete(move.id);
    this.#draft.noteEndedMove(move);
  }

  /** The store that leaves may delete its copy only once the target has applied what it was given. */
  awaitTarget(move: MoveRecord): void {
    const awaited = this.awaited.get(move.targetId) ?? new Set();
    awaited.add(move.id);
    this.awaited.set(move.targetId, awaited);
  }

  noteProgress(progress: MoveProgress): void {
    this.#draft.noteProgress(progress);
  }

  // The step

  emit(effect: MasterEffect): void {
    this.#draft.emit(effect);
  }

  notice(level: Notice["level"], message: string, fields: Notice["fields"] = {}): void {
    this.#draft.emit({ kind: "notice", notice: { level, message, fields } });
  }

  /** Ends the step. */
  finishStep(): MasterStep {
    const draft = this.#draft;
    this.#draft = new StepDraft();
    if (draft.changesTopology) this.#counters = { ...this.#counters, topologyVersion: this.nextVersion };
    return draft.finish(this.#counters, this.term);
  }

  #placeEntry(entry: PartitionEntry): void {
    const before = this.ring.entry(entry.partition).primary?.storeId;
    const after = entry.primary?.storeId;
    this.ring.set(entry);
    if (before === after) return;
    if (before !== undefined) this.#owned.set(before, this.ownedBy(before) - 1);
    if (after !== undefined) this.#owned.set(after, this.ownedBy(after) + 1);
    this.#unassigned += Number(after === undefined) - Number(before === undefined);
  }

  #placeStore(record: StoreRecord): void {
    this.#stores.set(record.storeId, record);
    const endpoint = endpointOf(record);
    if (endpoint)
      this.kvStoreMap.write(record.storeId, describeStore(endpoint, this.kvStoreMap.read(record.storeId)));
  }

  #placeOperation(operation: OperationRecord): void {
    this.#operations.set(operation.id, operation);
    if (operation.stage.kind === "finished") this.#active.delete(operation.id);
    else this.#active.add(operation.id);
  }

  #restoreMove(move: MoveRecord): void {
    this.moves.set(move);
    this.handoffs.note(move);
    if (move.step.kind === "planned") this.queue.add(move);
    if (move.step.kind === "remove-replica") this.awaitTarget(move);
  }
}

import { ConsistentHashMap } from "../../consistent-hash-map.js";
import { assertInvariant } from "../../errors.js";
import type { MoveId, OperationId } from "../../ids.js";
import type { KVStoreInfo } from "../../kv-store-map.js";
import { applyDelta, type Topology, type TopologyDelta } from "../../topology.js";
import type { MoveProgress, OperationsChange } from "../effects.js";
import type { MoveRecord, OperationRecord } from "./records.js";
import { endpointOf, type MasterState } from "./state.js";
import { describeRanges, describeStore } from "./store-info.js";

/** An operation as it is told to people. */
export interface OperationView {
  readonly operation: OperationRecord;
  /** Moves that have begun and are not done. */
  readonly moves: readonly MoveRecord[];
  /** With what is copied of moves under way, never more than the totals. */
  readonly keysMoved: number;
  readonly bytesMoved: number;
}

/** What is committed, for readers: the machine's own state is ahead of it by the commits in flight. */
export class CommittedView {
  readonly #state: MasterState;
  readonly #ring: ConsistentHashMap;
  readonly #operations = new Map<OperationId, OperationRecord>();
  readonly #underWay = new Map<OperationId, Map<MoveId, MoveRecord>>();
  readonly #progress = new Map<MoveId, MoveProgress>();
  #topology: Topology;

  private constructor(state: MasterState) {
    this.#state = state;
    this.#ring = new ConsistentHashMap(state.cluster.partitionCount);
    for (const entry of state.ring.entries()) this.#ring.set(entry);
    for (const operation of state.operations()) this.#operations.set(operation.id, operation);
    for (const move of state.moves.all()) this.#setMove(move);
    this.#topology = {
      clusterId: state.cluster.clusterId,
      partitionCount: state.cluster.partitionCount,
      version: state.version,
      term: state.term,
      stores: state
        .stores()
        .flatMap((store) => endpointOf(store) ?? [])
        .sort((a, b) => (a.storeId < b.storeId ? -1 : 1)),
      partitions: [...state.ring.entries()],
    };
  }

  /** The view of a state that is committed as it is. */
  static of(state: MasterState): CommittedView {
    return new CommittedView(state);
  }

  /** A new value at each version; never changed. */
  get topology(): Topology {
    return this.#topology;
  }

  get ring(): Readonly<Pick<ConsistentHashMap, "entry" | "findParticularKey" | "displayHashRing">> {
    return this.#ring;
  }

  /** The KVStoreMap's values: committed identity and ranges, with the last load. Ordered by store id. */
  stores(): readonly KVStoreInfo[] {
    const ranges = this.#ring.displayHashRing();
    return this.#topology.stores.map((endpoint) =>
      describeRanges(describeStore(endpoint, this.#state.kvStoreMap.read(endpoint.storeId)), ranges),
    );
  }

  /** Oldest first. */
  operations(): readonly OperationView[] {
    return [...this.#operations.values()].map((operation) => this.#view(operation));
  }

  operation(id: OperationId): OperationView | undefined {
    const operation = this.#operations.get(id);
    return operation && this.#view(operation);
  }

  publish(delta: TopologyDelta): void {
    const next = applyDelta(this.#topology, delta);
    assertInvariant(next !== undefined, `version ${delta.version} follows version ${this.#topology.version}`);
    this.#topology = next;
    for (const entry of delta.partitions) this.#ring.set(entry);
  }

  /** Returns the operations that readers see differently now. */
  changeOperations(change: OperationsChange): ReadonlySet<OperationId> {
    const changed = new Set<OperationId>();
    for (const operation of change.operations) {
      this.#operations.set(operation.id, operation);
      changed.add(operation.id);
    }
    for (const id of change.forgottenOperations) {
      this.#operations.delete(id);
      changed.add(id);
    }
    for (const move of change.moves) {
      this.#progress.delete(move.id);
      this.#setMove(move);
      changed.add(move.operationId);
    }
    for (const move of change.endedMoves) {
      this.#progress.delete(move.id);
      this.#underWay.get(move.operationId)?.delete(move.id);
      changed.add(move.operationId);
    }
    for (const progress of change.progress) {
      if (!this.#underWay.get(progress.operationId)?.has(progress.moveId)) continue;
      this.#progress.set(progress.moveId, progress);
      changed.add(progress.operationId);
    }
    return changed;
  }

  #setMove(move: MoveRecord): void {
    const moves = this.#underWay.get(move.operationId) ?? new Map<MoveId, MoveRecord>();
    if (move.step.kind === "planned") moves.delete(move.id);
    else moves.set(move.id, move);
    this.#underWay.set(move.operationId, moves);
  }

  #view(operation: OperationRecord): OperationView {
    const moves = [...(this.#underWay.get(operation.id)?.values() ?? [])];
    let { keysMoved, bytesMoved } = operation;
    for (const move of moves) {
      const copied = move.step.kind === "transfer-primary" ? move : this.#progress.get(move.id);
      if (move.step.kind === "remove-replica" || copied === undefined) continue;
      keysMoved += copied.keys;
      bytesMoved += copied.bytes;
    }
    return {
      operation,
      moves,
      keysMoved: Math.min(keysMoved, operation.keysTotal),
      bytesMoved: Math.min(bytesMoved, operation.bytesTotal),
    };
  }
}

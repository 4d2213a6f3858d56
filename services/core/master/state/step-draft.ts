import {
  brandAs,
  type MoveId,
  type OperationId,
  type PartitionId,
  type StoreId,
  type Term,
  type TopologyVersion,
} from "../../ids.js";
import type { MetadataChange } from "../../ports/metadata-store.js";
import type { PartitionEntry, StoreEndpoint } from "../../topology.js";
import type { MasterEffect, MasterStep, MoveProgress } from "../effects.js";
import { countersChange, entryChange, moveChange, operationChange, storeChange } from "./persistence.js";
import type { Counters, MoveRecord, OperationRecord, StoreRecord } from "./records.js";

/**
 * What one step has changed so far: each record once, in its last form. Ends as the changes to commit and the effects
 * to perform, of which the publications come first, so that answers are given from a view that holds them.
 */
export class StepDraft {
  readonly #effects: MasterEffect[] = [];
  readonly #entries = new Map<PartitionId, PartitionEntry>();
  readonly #endpoints = new Map<StoreId, StoreEndpoint | undefined>();
  readonly #stores = new Map<StoreId, StoreRecord | undefined>();
  readonly #operations = new Map<OperationId, OperationRecord | undefined>();
  readonly #moves = new Map<MoveId, MoveRecord>();
  readonly #endedMoves = new Map<MoveId, MoveRecord>();
  readonly #progress = new Map<MoveId, MoveProgress>();
  #countersChanged = false;

  emit(effect: MasterEffect): void {
    this.#effects.push(effect);
  }

  noteCounters(): void {
    this.#countersChanged = true;
  }

  noteEntry(entry: PartitionEntry): void {
    this.#entries.set(entry.partition, entry);
  }

  /** `endpoint` undefined: the store is no more, or not yet, part of the topology. */
  noteEndpoint(storeId: StoreId, endpoint: StoreEndpoint | undefined): void {
    this.#endpoints.set(storeId, endpoint);
  }

  noteStore(storeId: StoreId, record: StoreRecord | undefined): void {
    this.#stores.set(storeId, record);
  }

  noteOperation(id: OperationId, record: OperationRecord | undefined): void {
    this.#operations.set(id, record);
  }

  noteMove(move: MoveRecord): void {
    this.#moves.set(move.id, move);
  }

  noteEndedMove(move: MoveRecord): void {
    this.#moves.delete(move.id);
    this.#progress.delete(move.id);
    this.#endedMoves.set(move.id, move);
  }

  noteProgress(progress: MoveProgress): void {
    this.#progress.set(progress.moveId, progress);
  }

  /** Whether the step makes a new topology version. */
  get changesTopology(): boolean {
    return this.#entries.size > 0 || this.#endpoints.size > 0;
  }

  /** Ends the step. `counters` are those after it. */
  finish(counters: Counters, term: Term): MasterStep {
    const changes: MetadataChange[] = [];
    if (this.#countersChanged || this.changesTopology) changes.push(countersChange(counters));
    for (const [id, record] of this.#stores) changes.push(storeChange(id, record));
    for (const entry of this.#entries.values()) changes.push(entryChange(entry));
    for (const [id, record] of this.#operations) changes.push(operationChange(id, record));
    for (const move of this.#moves.values()) changes.push(moveChange(move.id, move));
    for (const id of this.#endedMoves.keys()) changes.push(moveChange(id, undefined));
    return { changes, effects: [...this.#publications(counters, term), ...this.#effects] };
  }

  *#publications(counters: Counters, term: Term): Generator<MasterEffect> {
    if (this.changesTopology) {
      const version = counters.topologyVersion;
      const endpoints = [...this.#endpoints];
      yield {
        kind: "publish",
        delta: {
          fromVersion: brandAs<TopologyVersion>(version - 1),
          version,
          term,
          stores: endpoints.flatMap(([, endpoint]) => endpoint ?? []),
          removedStoreIds: endpoints.flatMap(([id, endpoint]) => (endpoint === undefined ? id : [])),
          partitions: [...this.#entries.values()],
        },
      };
    }
    const { size: operations } = this.#operations;
    if (operations + this.#moves.size + this.#endedMoves.size + this.#progress.size === 0) return;
    yield {
      kind: "operations-changed",
      change: {
        operations: [...this.#operations.values()].flatMap((record) => record ?? []),
        forgottenOperations: [...this.#operations].flatMap(([id, record]) =>
          record === undefined ? id : [],
        ),
        moves: [...this.#moves.values()],
        endedMoves: [...this.#endedMoves.values()],
        progress: [...this.#progress.values()],
      },
    };
  }
}

import { assertInvariant } from "../../errors.js";
import type { MoveId, OperationId, PartitionId, StoreId } from "../../ids.js";
import type { MoveRecord } from "../state/records.js";

/** Whether a move occupies its stores: it copies, or hands over. */
export function isInFlight(move: MoveRecord): boolean {
  return move.step.kind === "add-learner" || move.step.kind === "transfer-primary";
}

/** Where people see the replica come from: the store that it leaves, or the one that copies. */
export function sourceOf({ leavingId, copierId }: MoveRecord): StoreId {
  return leavingId ?? copierId;
}

/** Every store that has a part in a move, once. */
export function storesOf({ copierId, targetId, leavingId }: MoveRecord): readonly StoreId[] {
  const busy = [copierId, targetId];
  return leavingId === undefined || busy.includes(leavingId) ? busy : [...busy, leavingId];
}

/** Every move that has not ended, with the counts and look-ups that a step needs. */
export class MoveIndex {
  readonly #moves = new Map<MoveId, MoveRecord>();
  readonly #ofPartition = new Map<PartitionId, MoveId>();
  /** Moves that are not just planned, by each store that has a part in them. */
  readonly #underWayOfStore = new Map<StoreId, Set<MoveId>>();
  readonly #underWayOfOperation = new Map<OperationId, number>();
  readonly #inFlightOfStore = new Map<StoreId, number>();
  #inFlight = 0;

  /** Moves that copy or hand over. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get(id: MoveId): MoveRecord | undefined {
    return this.#moves.get(id);
  }

  all(): IterableIterator<MoveRecord> {
    return this.#moves.values();
  }

  /** The one move that a partition is in. */
  ofPartition(partition: PartitionId): MoveRecord | undefined {
    const id = this.#ofPartition.get(partition);
    return id === undefined ? undefined : this.#moves.get(id);
  }

  /** Moves that a store has a part in and that are not just planned. */
  underWayOfStore(storeId: StoreId): readonly MoveRecord[] {
    return [...(this.#underWayOfStore.get(storeId) ?? [])].flatMap((id) => this.#moves.get(id) ?? []);
  }

  /** Number of an operation's moves that are not just planned. */
  underWayOfOperation(operationId: OperationId): number {
    return this.#underWayOfOperation.get(operationId) ?? 0;
  }

  inFlightOfStore(storeId: StoreId): number {
    return this.#inFlightOfStore.get(storeId) ?? 0;
  }

  /** Adds a move, or puts its new record in the place of the one before. */
  set(move: MoveRecord): void {
    const other = this.#ofPartition.get(move.partition);
    assertInvariant(
      other === undefined || other === move.id,
      `partition ${move.partition} is in ${other}, so it cannot be in ${move.id}`,
    );
    this.#uncount(move.id);
    this.#moves.set(move.id, move);
    this.#ofPartition.set(move.partition, move.id);
    this.#count(move, 1);
  }

  delete(id: MoveId): void {
    const move = this.#moves.get(id);
    assertInvariant(move !== undefined, `${id} has ended already`);
    this.#uncount(id);
    this.#moves.delete(id);
    this.#ofPartition.delete(move.partition);
  }

  #uncount(id: MoveId): void {
    const previous = this.#moves.get(id);
    if (previous) this.#count(previous, -1);
  }

  #count(move: MoveRecord, by: 1 | -1): void {
    if (move.step.kind === "planned") return;
    this.#underWayOfOperation.set(move.operationId, this.underWayOfOperation(move.operationId) + by);
    for (const storeId of storesOf(move)) {
      const moves = this.#underWayOfStore.get(storeId) ?? new Set();
      if (by === 1) moves.add(move.id);
      else moves.delete(move.id);
      this.#underWayOfStore.set(storeId, moves);
    }
    if (!isInFlight(move)) return;
    for (const storeId of [move.copierId, move.targetId]) {
      this.#inFlightOfStore.set(storeId, this.inFlightOfStore(storeId) + by);
    }
    this.#inFlight += by;
  }
}

import type { MoveId, OperationId, StoreId } from "../../ids.js";
import type { MoveRecord } from "../state/records.js";

interface Lane {
  readonly copierId: StoreId;
  readonly targetId: StoreId;
  readonly moveIds: MoveId[];
  /** Moves before this index were taken. */
  next: number;
}

interface DelayedMove {
  readonly atMs: number;
  readonly move: MoveRecord;
}

/**
 * The planned moves, by operation and by pair of stores, so that finding one that may start costs a look at each pair
 * and not at each move.
 */
export class MoveQueue {
  readonly #lanes = new Map<OperationId, Map<string, Lane>>();
  readonly #sizes = new Map<OperationId, number>();
  #delayed: DelayedMove[] = [];

  /** Planned moves of an operation, delayed ones included. */
  size(operationId: OperationId): number {
    return this.#sizes.get(operationId) ?? 0;
  }

  add(move: MoveRecord): void {
    this.#sizes.set(move.operationId, this.size(move.operationId) + 1);
    this.#enqueue(move);
  }

  /** Adds a move that must not start before `atMs`. */
  addDelayed(move: MoveRecord, atMs: number): void {
    this.#sizes.set(move.operationId, this.size(move.operationId) + 1);
    this.#delayed.push({ atMs, move });
  }

  /** When the next delayed move is due. */
  get wakeAtMs(): number | undefined {
    let earliest: number | undefined;
    for (const { atMs } of this.#delayed) if (earliest === undefined || atMs < earliest) earliest = atMs;
    return earliest;
  }

  /** Makes the delayed moves that are due ready to start. */
  wake(nowMs: number): void {
    if (this.#delayed.length === 0) return;
    const due = this.#delayed.filter(({ atMs }) => atMs <= nowMs);
    if (due.length === 0) return;
    this.#delayed = this.#delayed.filter(({ atMs }) => atMs > nowMs);
    for (const { move } of due) this.#enqueue(move);
  }

  /** The pairs of stores that an operation's waiting moves are between. */
  pairs(operationId: OperationId): readonly { readonly copierId: StoreId; readonly targetId: StoreId }[] {
    return [...(this.#lanes.get(operationId)?.values() ?? [])];
  }

  /** Takes a move of a pair that may start, pairs in turn. */
  take(
    operationId: OperationId,
    mayStart: (copierId: StoreId, targetId: StoreId) => boolean,
  ): MoveId | undefined {
    const lanes = this.#lanes.get(operationId);
    if (lanes === undefined) return undefined;
    for (const [pair, lane] of lanes) {
      if (!mayStart(lane.copierId, lane.targetId)) continue;
      const moveId = lane.moveIds[lane.next];
      lane.next += 1;
      lanes.delete(pair);
      if (lane.next < lane.moveIds.length) lanes.set(pair, lane);
      this.#sizes.set(operationId, this.size(operationId) - 1);
      return moveId;
    }
    return undefined;
  }

  /** Takes all planned moves of an operation out. */
  drop(operationId: OperationId): readonly MoveId[] {
    const lanes = [...(this.#lanes.get(operationId)?.values() ?? [])];
    const waiting = lanes.flatMap((lane) => lane.moveIds.slice(lane.next));
    const delayed = this.#delayed.filter(({ move }) => move.operationId === operationId);
    this.#delayed = this.#delayed.filter(({ move }) => move.operationId !== operationId);
    this.#lanes.delete(operationId);
    this.#sizes.delete(operationId);
    return [...waiting, ...delayed.map(({ move }) => move.id)];
  }

  #enqueue(move: MoveRecord): void {
    const lanes = this.#lanes.get(move.operationId) ?? new Map<string, Lane>();
    this.#lanes.set(move.operationId, lanes);
    const pair = `${move.copierId} ${move.targetId}`;
    const lane = lanes.get(pair);
    if (lane) lane.moveIds.push(move.id);
    else {
      lanes.set(pair, { copierId: move.copierId, targetId: move.targetId, moveIds: [move.id], next: 0 });
    }
  }
}

/** How moves are taken back, tried again, and given up. */
import { assertInvariant } from "../../errors.js";
import { hashBytes } from "../../hash.js";
import type { StoreId } from "../../ids.js";
import { backoffs } from "../../limits.js";
import { decideBackoffMs } from "../../retry/backoff.js";
import type { Replica } from "../../topology.js";
import { isInFlight, sourceOf } from "./move-index.js";
import type { MoveRecord } from "../state/records.js";
import { type MasterState, replicaOf } from "../state/state.js";
import { revertEntry } from "./replica-set.js";
import { rulesOf } from "./steps/steps.js";

/** Why a copy is taken back. */
interface RollbackCause {
  readonly reason: string;
  readonly countsAsAttempt: boolean;
}

/**
 * Takes a copy back: the copier stays primary and the target is no replica, one epoch on, which ends the copier's READY
 * and RELEASE. The other replicas stay. The move is planned again, unless its operation ends or it was refused too often.
 */
export function rollBack(state: MasterState, move: MoveRecord, cause: RollbackCause): void {
  const copier = state.store(move.copierId);
  assertInvariant(isInFlight(move) && copier !== undefined, `${move.id} can be rolled back`);
  takeBack(state, move, replicaOf(copier), cause);
}

/** The target came back without the copy it was given, and the copier was not ordered to delete its own. */
export function giveBack(state: MasterState, move: MoveRecord, copier: Replica): void {
  countMoved(state, move, -1);
  state.awaited.get(move.targetId)?.delete(move.id);
  takeBack(state, move, copier, { reason: `${move.targetId} lost the copy`, countsAsAttempt: false });
}

function takeBack(state: MasterState, move: MoveRecord, copier: Replica, cause: RollbackCause): void {
  state.setEntry(revertEntry(state.entry(move.partition), copier, move.targetId));
  state.notice("info", "a move was rolled back", {
    moveId: move.id,
    partition: move.partition,
    source: sourceOf(move),
    target: move.targetId,
    reason: cause.reason,
  });
  replan(state, { ...move, attempts: move.attempts + Number(cause.countsAsAttempt) }, cause.reason);
}

/** Counts the keys of a move as moved (`by` 1), or takes that back (-1). */
export function countMoved(state: MasterState, move: MoveRecord, by: 1 | -1): void {
  const operation = state.operation(move.operationId);
  if (operation === undefined) return;
  state.setOperation({
    ...operation,
    keysMoved: operation.keysMoved + by * move.keys,
    bytesMoved: operation.bytesMoved + by * move.bytes,
  });
}

function replan(state: MasterState, move: MoveRecord, reason: string): void {
  const planned: MoveRecord = { ...move, step: { kind: "planned" } };
  const operation = state.operation(move.operationId);
  if (operation?.stage.kind === "ending") {
    state.endMove(planned);
    return;
  }
  if (move.attempts >= state.options.moveAttemptsMax) {
    failMove(state, planned, reason);
    return;
  }
  state.setMove(planned);
  state.orderedAtMs.delete(move.id);
  if (move.attempts === 0) state.queue.add(planned);
  else {
    const waitMs = decideBackoffMs(backoffs.move, move.attempts, moveFraction(move));
    state.queue.addDelayed(planned, state.nowMs + waitMs);
  }
}

/** In [0, 1): what spreads the waits of moves that were refused together. The machine draws no random numbers. */
function moveFraction({ id, attempts }: MoveRecord): number {
  return hashBytes(Buffer.from(`${id} ${attempts}`)) / 2 ** 32;
}

/** Gives a move up, and with it its operation: what is under way ends, nothing more begins. */
export function failMove(state: MasterState, move: MoveRecord, reason: string): void {
  state.endMove(move);
  const operation = state.operation(move.operationId);
  if (operation === undefined) return;
  const { stage } = operation;
  state.notice("error", "a move failed for good", { moveId: move.id, partition: move.partition, reason });
  state.setOperation({
    ...operation,
    movesFailed: operation.movesFailed + 1,
    message: `moving partition ${move.partition} from ${sourceOf(move)} to ${move.targetId} failed: ${reason}`,
    stage:
      stage.kind === "moving" || stage.kind === "paused"
        ? { kind: "ending", startedAtMs: stage.startedAtMs, outcome: "failed" }
        : stage,
  });
  dropPlanned(state, operation.id);
}

/** Drops an operation's moves that have not begun. */
export function dropPlanned(state: MasterState, operationId: MoveRecord["operationId"]): void {
  for (const moveId of state.queue.drop(operationId)) {
    const move = state.moves.get(moveId);
    if (move) state.endMove(move);
  }
}

/** Why a move cannot go on with its stores as they are, if so. */
function decideInterruption(state: MasterState, move: MoveRecord): string | undefined {
  const { step } = move;
  if (step.kind !== "add-learner" && step.kind !== "transfer-primary") return undefined;
  const validity = rulesOf(step).decideValidity(step, state.entry(move.partition), state.registrationOf);
  if (validity === "unknown") return undefined;
  if (validity !== "valid") return validity.reason;
  const stage = state.operation(move.operationId)?.stage;
  return stage?.kind === "ending" && stage.outcome === "cancelled"
    ? "the operation was cancelled"
    : undefined;
}

/** Rolls back what can no longer go on, after a store died or came back, or an operation was cancelled. */
export function reviewMoves(state: MasterState, storeId: StoreId): void {
  for (const move of state.moves.underWayOfStore(storeId)) {
    const reason = decideInterruption(state, move);
    if (reason !== undefined) rollBack(state, move, { reason, countsAsAttempt: false });
  }
}

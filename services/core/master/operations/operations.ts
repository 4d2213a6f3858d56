/** How operations begin, go on and end. */
import { assertInvariant, EkvError } from "../../errors.js";
import type { OperationId, StoreId } from "../../ids.js";
import type { OperationPlan } from "../effects.js";
import { storesOf } from "./move-index.js";
import { completeMove, orderHandoffs, startMoves } from "./moves.js";
import { dropPlanned, reviewMoves } from "./rollback.js";
import { masterLimits } from "../options.js";
import { decideParticipants, planTask } from "./planning.js";
import type {
  MoveRecord,
  OperationOutcome,
  OperationRecord,
  OperationTask,
  StoreRecord,
} from "../state/records.js";
import type { MasterState } from "../state/state.js";
import { formatNoun } from "../../noun-count.js";

/** Records a new operation, which begins when the stores it involves are free. */
export function createOperation(state: MasterState, task: OperationTask): OperationRecord {
  const operation: OperationRecord = {
    id: state.nextOperationId(),
    task,
    stage: { kind: "pending" },
    createdAtMs: state.wallMs,
    movesTotal: 0,
    movesDone: 0,
    movesFailed: 0,
    movesMinimum: 0,
    keysTotal: 0,
    keysMoved: 0,
    bytesTotal: 0,
    bytesMoved: 0,
    message: "",
  };
  state.setOperation(operation);
  state.agendaChanged = true;
  state.notice("info", "an operation was created", { operationId: operation.id, kind: task.kind });
  return operation;
}

/** The operation, not finished, that adds or removes a store. */
export function operationOf(state: MasterState, storeId: StoreId): OperationRecord | undefined {
  return state.activeOperations().find(({ task }) => task.kind !== "rebalance" && task.storeId === storeId);
}

/** Lets everything happen that can, until nothing more does. Ends every step. */
export function settle(state: MasterState): void {
  for (;;) {
    startPending(state);
    startMoves(state);
    orderHandoffs(state);
    let advanced = false;
    for (const operation of state.activeOperations()) {
      advanced = advanceOperation(state, operation) || advanced;
    }
    if (!advanced && !state.agendaChanged) return;
  }
}

/** After a restart: the stores of the operations that had begun are on the migrating list again. */
export function restoreParticipants(state: MasterState): void {
  for (const operation of state.activeOperations()) {
    if (operation.stage.kind === "pending") continue;
    const stores = new Set(decideParticipants(state, operation.task));
    for (const move of state.moves.all()) {
      if (move.operationId !== operation.id) continue;
      for (const storeId of storesOf(move)) stores.add(storeId);
    }
    enlist(state, operation.id, [...stores]);
  }
}

function enlist(state: MasterState, operationId: OperationId, stores: readonly StoreId[]): void {
  state.participants.set(operationId, stores);
  for (const storeId of stores) state.migrating.add(storeId);
}

function delist(state: MasterState, operationId: OperationId): void {
  for (const storeId of state.participants.get(operationId) ?? []) state.migrating.remove(storeId);
  state.participants.delete(operationId);
}

/** Starts the pending operations that can start, in order of their creation. */
function startPending(state: MasterState): void {
  if (!state.agendaChanged) return;
  state.agendaChanged = false;
  const reserved = new Set<StoreId>();
  for (const operation of state.activeOperations()) {
    if (operation.stage.kind !== "pending") continue;
    const waitsFor = decideWaitForStore(state, operation.task);
    if (waitsFor !== undefined) {
      say(state, operation, waitsFor);
      continue;
    }
    const participants = decideParticipants(state, operation.task);
    const busy = participants.find((storeId) => reserved.has(storeId) || state.migrating.have(storeId));
    if (busy === undefined || isAbandonedStore(state, operation.task)) {
      enlist(state, operation.id, participants);
      startOperation(state, operation);
    } else say(state, operation, `waits for an earlier operation that involves ${busy}`);
    for (const storeId of participants) reserved.add(storeId);
  }
}

/** What an operation's own store has to do first. */
function decideWaitForStore(state: MasterState, task: OperationTask): string | undefined {
  if (task.kind === "rebalance") return undefined;
  const store = state.store(task.storeId);
  if (store?.registration === undefined) return `waits for ${task.storeId} to register`;
  if (task.kind === "add-store" && state.presence(task.storeId).streamId === undefined)
    return `waits for ${task.storeId} to open its heartbeat stream`;
  if (store.registration.alive || state.ownedBy(task.storeId) === 0) return undefined;
  return `waits for ${task.storeId} to come back`;
}

/** A dead store that owns nothing and that nothing goes to: it can be forgotten in the middle of anything. */
function isAbandonedStore(state: MasterState, task: OperationTask): boolean {
  if (task.kind !== "remove-store" || state.isAlive(task.storeId) || state.ownedBy(task.storeId) > 0)
    return false;
  for (const move of state.moves.all()) {
    if (storesOf(move).includes(task.storeId) && move.step.kind !== "remove-replica") return false;
  }
  return true;
}

function say(state: MasterState, operation: OperationRecord, message: string): void {
  if (operation.message !== message) state.setOperation({ ...operation, message });
}

function startOperation(state: MasterState, operation: OperationRecord): void {
  const { task } = operation;
  if (task.kind !== "rebalance") {
    const store = state.store(task.storeId);
    assertInvariant(store !== undefined, `${task.storeId} is known`);
    state.setStore({ ...store, state: task.kind === "add-store" ? "active" : "draining" });
  }
  const plan = planTask(state, task);
  state.setOperation({
    ...operation,
    stage: { kind: "moving", startedAtMs: state.wallMs },
    movesMinimum: plan.movesMinimum,
    message: "",
  });
  planMoves(state, operation.id, plan);
}

function planMoves(state: MasterState, operationId: OperationId, plan: OperationPlan): void {
  const operation = state.operation(operationId);
  if (operation === undefined) return;
  let { keysTotal, bytesTotal } = operation;
  for (const { partition, sourceId, targetId, keys, bytes } of plan.moves) {
    const move: MoveRecord = {
      id: state.nextMoveId(),
      operationId,
      partition,
      copierId: sourceId,
      targetId,
      leavingId: sourceId,
      leads: true,
      keys,
      bytes,
      attempts: 0,
      step: { kind: "planned" },
    };
    state.setMove(move);
    state.queue.add(move);
    keysTotal += keys;
    bytesTotal += bytes;
  }
  const movesTotal = operation.movesTotal + plan.moves.length;
  state.setOperation({ ...operation, movesTotal, keysTotal, bytesTotal });
}

/** Takes an operation one stage on, if it is there. Returns whether it did. */
function advanceOperation(state: MasterState, operation: OperationRecord): boolean {
  const { stage, task } = operation;
  const movesLeft = state.queue.size(operation.id) + state.moves.underWayOfOperation(operation.id);
  switch (stage.kind) {
    case "moving":
    case "paused":
      if (movesLeft > 0) {
        if (stage.kind === "moving") say(state, operation, decideMovingMessage(state, operation.id));
        return false;
      }
      if (task.kind === "remove-store") return finishMovingOff(state, operation, task.storeId);
      finishOperation(state, operation, "succeeded");
      return true;
    case "ending":
      if (movesLeft > 0) return false;
      return endOperation(state, operation, stage.outcome);
    case "leaving":
      reviewLeaving(state, operation);
      return false;
    case "pending":
    case "finished":
      return false;
  }
}

/** Which dead stores keep an operation from going on, in words. */
function decideMovingMessage(state: MasterState, operationId: OperationId): string {
  const down = new Set<StoreId>();
  for (const { copierId, targetId } of state.queue.pairs(operationId)) {
    for (const storeId of [copierId, targetId]) if (!state.isAlive(storeId)) down.add(storeId);
  }
  return down.size === 0 ? "" : `waits for ${[...down].sort().join(", ")} to come back`;
}

/** All moves of a removal are done: does the store still own anything? */
function finishMovingOff(state: MasterState, operation: OperationRecord, storeId: StoreId): boolean {
  if (state.ownedBy(storeId) > 0) {
    const plan = planTask(state, operation.task);
    if (plan.moves.length > 0) planMoves(state, operation.id, plan);
    else {
      const message = `${storeId} still owns ${formatNoun(state.ownedBy(storeId), "partition")} that nobody can take`;
      endOperation(state, { ...operation, message }, "failed");
    }
    return true;
  }
  beginLeaving(state, operation, "succeeded");
  return true;
}

/** An operation that failed or was cancelled has no moves left. */
function endOperation(
  state: MasterState,
  operation: OperationRecord,
  outcome: "failed" | "cancelled",
): boolean {
  const { task } = operation;
  const store = task.kind === "rebalance" ? undefined : state.store(task.storeId);
  if (store && task.kind === "remove-store") state.setStore({ ...store, state: "active" });
  if (store && task.kind === "add-store" && outcome === "cancelled" && isUnused(state, store)) {
    beginLeaving(state, operation, "cancelled");
  } else finishOperation(state, operation, outcome);
  return true;
}

/** It owns nothing, and stays away when it is forgotten: one that runs and was not launched would register anew. */
function isUnused(state: MasterState, { storeId, launched }: StoreRecord): boolean {
  return (launched || !state.isAlive(storeId)) && state.ownedBy(storeId) === 0;
}

/**
 * Gives up on stores that came unasked and are gone without owning anything: an operation would wait for them, and others
 * for it. One that comes after all is welcome again.
 */
export function dropLostNewcomers(state: MasterState): void {
  for (const store of state.stores()) {
    const { storeId, registration, launched } = store;
    if (registration === undefined || launched || !isUnused(state, store)) continue;
    const silentMs = state.nowMs - state.presence(storeId).lastHeartbeatMs;
    if (silentMs <= masterLimits.newcomerPatienceMs) continue;
    const operation = operationOf(state, storeId);
    if (operation === undefined) {
      if (store.state === "active" && state.options.autoJoin) removeLost(state, storeId);
      continue;
    }
    const { task, stage } = operation;
    if (task.kind !== "add-store" || stage.kind === "leaving" || stage.kind === "ending") continue;
    state.notice("warn", "a store that joined was gone before it owned anything; it is forgotten", {
      storeId,
    });
    cancelOperation(state, operation);
  }
}

/** Removes a member that is gone and owns nothing. Operations that would give it something end first. */
function removeLost(state: MasterState, storeId: StoreId): void {
  state.notice("warn", "a store that owns nothing is gone; it is removed", { storeId });
  for (const operation of state.activeOperations()) {
    const waits = [...state.queue.pairs(operation.id)].some(({ targetId }) => targetId === storeId);
    const { kind } = operation.stage;
    if (waits && (kind === "moving" || kind === "paused")) cancelOperation(state, operation);
  }
  createOperation(state, { kind: "remove-store", storeId, purge: false });
}

/** Cancels an operation. What is past its commit goes forward; the rest is dropped or rolled back. */
export function cancelOperation(state: MasterState, operation: OperationRecord): void {
  const { stage, task } = operation;
  if (stage.kind === "pending") {
    const store = task.kind === "add-store" ? state.store(task.storeId) : undefined;
    if (store && isUnused(state, store)) beginLeaving(state, operation, "cancelled");
    else finishOperation(state, operation, "cancelled");
    return;
  }
  assertInvariant(stage.kind === "moving" || stage.kind === "paused", `${operation.id} can be cancelled`);
  state.setOperation({
    ...operation,
    stage: { kind: "ending", startedAtMs: stage.startedAtMs, outcome: "cancelled" },
    message: "",
  });
  dropPlanned(state, operation.id);
  for (const storeId of state.participants.get(operation.id) ?? []) reviewMoves(state, storeId);
}

/** The operation's store owns nothing more: it is told to stop, and taken away when it has. */
function beginLeaving(
  state: MasterState,
  operation: OperationRecord,
  outcome: "succeeded" | "cancelled",
): void {
  const { task, stage } = operation;
  if (task.kind === "rebalance" || stage.kind === "finished") return;
  const store = state.store(task.storeId);
  if (store && store.state !== "draining") state.setStore({ ...store, state: "draining" });
  const startedAtMs = stage.kind === "pending" ? undefined : stage.startedAtMs;
  state.setOperation({
    ...operation,
    stage: { kind: "leaving", startedAtMs, outcome },
    message: `waits for ${task.storeId} to stop`,
  });
  orderShutdown(state, task.storeId);
}

/** Tells a store that is leaving to stop, unless what runs it would start it again: then that stops it. */
export function orderShutdown(state: MasterState, storeId: StoreId): void {
  if (state.options.scaled) return;
  const { streamId } = state.presence(storeId);
  if (streamId !== undefined) state.emit({ kind: "send", streamId, directive: { kind: "shutdown" } });
}

/** Asks the launcher to take a store away, once it has stopped or has had long enough to. */
function reviewLeaving(state: MasterState, operation: OperationRecord): void {
  const { task } = operation;
  if (task.kind === "rebalance") return;
  const presence = state.presence(task.storeId);
  if (presence.removalAsked) return;
  presence.leavingSinceMs ??= state.nowMs;
  const launched = state.store(task.storeId)?.launched ?? false;
  const { scaled } = state.options;
  const overdue = state.nowMs - presence.leavingSinceMs > masterLimits.leaveTimeoutMs;
  // A store of somebody else's may only be forgotten when it is gone: it would register anew.
  const gone =
    !state.isAlive(task.storeId) || (launched && (scaled || presence.streamId === undefined || overdue));
  if (!gone) return;
  presence.removalAsked = true;
  const purge = task.kind === "add-store" ? launched : task.purge;
  state.emit({ kind: "remove-launched", storeId: task.storeId, purge });
}

/** The launcher has taken a store away, or says why it could not: the store is forgotten. */
export function finishLeaving(state: MasterState, storeId: StoreId, problem: string | undefined): void {
  const operation = operationOf(state, storeId);
  if (operation?.stage.kind !== "leaving") return;
  const { streamId } = state.presence(storeId);
  if (problem !== undefined)
    state.notice("warn", "a removed store could not be cleared away", { storeId, problem });
  // Of an abandoned store: what it still had to delete is gone with it.
  for (const move of state.moves.underWayOfStore(storeId)) completeMove(state, move);
  const store = state.store(storeId);
  if (store?.launched && store.registration && problem === undefined)
    state.departed.set(storeId, store.registration.processId);
  state.deleteStore(storeId);
  if (streamId !== undefined) {
    const error = new EkvError("FAILED_PRECONDITION", `store ${storeId} was removed from the cluster`);
    state.emit({ kind: "end-stream", streamId, error });
  }
  state.notice("info", "a store left the cluster", { storeId });
  const message = problem === undefined ? "" : `${storeId} left, but was not cleared away: ${problem}`;
  finishOperation(state, { ...operation, message }, operation.stage.outcome);
}

function finishOperation(state: MasterState, operation: OperationRecord, outcome: OperationOutcome): void {
  const { stage } = operation;
  if (stage.kind === "finished") return;
  state.setOperation({
    ...operation,
    message: outcome === "failed" || stage.kind === "leaving" ? operation.message : "",
    stage: {
      kind: "finished",
      outcome,
      startedAtMs: stage.kind === "pending" ? undefined : stage.startedAtMs,
      finishedAtMs: state.wallMs,
    },
  });
  delist(state, operation.id);
  state.agendaChanged = true;
  state.notice(outcome === "failed" ? "error" : "info", "an operation ended", {
    operationId: operation.id,
    kind: operation.task.kind,
    outcome,
    message: operation.message,
  });
  const finished = state.operations().filter((other) => other.stage.kind === "finished");
  for (const { id } of finished.slice(0, -masterLimits.finishedOperationsMax)) state.forgetOperation(id);
}

/** Ends a pending operation whose store could not be launched; nothing of it is left. */
export function failLaunch(
  state: MasterState,
  operation: OperationRecord,
  storeId: StoreId,
  reason: string,
): void {
  state.deleteStore(storeId);
  finishOperation(state, { ...operation, message: `${storeId} could not be launched: ${reason}` }, "failed");
}

/**
 * Stores that are stopped for good ask to be emptied first. When every store is stopped nobody is left to take the data:
 * then all of them keep it. Which of the two it is shows when the wishes have had a moment to come in.
 */
import type { StoreId } from "../../ids.js";
import { cancelOperation, createOperation, operationOf } from "../operations/operations.js";
import { masterLimits } from "../options.js";
import type { OperationRecord } from "../state/records.js";
import type { MasterState } from "../state/state.js";

/** A store asks, with each heartbeat, to be emptied: it is removed, or told to stop as it is. */
export function handleLeaveWish(state: MasterState, storeId: StoreId): void {
  const presence = state.presence(storeId);
  presence.leaveWishedAtMs ??= state.nowMs;
  const operation = operationOf(state, storeId);
  if (operation?.stage.kind === "leaving") return;
  if (!state.stores().some((other) => takesData(state, other.storeId))) return keepEverything(state);
  if (operation?.stage.kind === "ending") return stay(state, storeId, "its removal is cancelled");
  if (operation?.task.kind === "add-store") return cancelOperation(state, operation);
  if (operation) return;
  if (presence.leaveBegun) return stay(state, storeId, "its removal has ended without it being empty");
  if (state.nowMs - presence.leaveWishedAtMs < masterLimits.leaveSettleMs) return;
  presence.leaveBegun = true;
  state.notice("info", "a store is stopped for good and gives its share away first", { storeId });
  createOperation(state, { kind: "remove-store", storeId, purge: false, ownWish: true });
}

/** A new run of a store: what the last one wished is over. */
export function forgetLeaveWish(state: MasterState, storeId: StoreId): void {
  const presence = state.presence(storeId);
  presence.leaveWishedAtMs = undefined;
  presence.leaveBegun = false;
  const operation = operationOf(state, storeId);
  if (operation && isOwnWish(operation) && mayBeCancelled(operation)) cancelOperation(state, operation);
}

function isOwnWish({ task }: OperationRecord): boolean {
  return task.kind === "remove-store" && task.ownWish === true;
}

function mayBeCancelled({ stage }: OperationRecord): boolean {
  return stage.kind === "pending" || stage.kind === "moving" || stage.kind === "paused";
}

/** Whether a store could take the data of one that leaves. */
function takesData(state: MasterState, storeId: StoreId): boolean {
  return (
    state.store(storeId)?.state === "active" &&
    state.isAlive(storeId) &&
    state.presence(storeId).leaveWishedAtMs === undefined &&
    operationOf(state, storeId)?.task.kind !== "remove-store"
  );
}

/** Nobody stays behind: every store that wished to leave stops with its data. */
function keepEverything(state: MasterState): void {
  for (const { storeId } of state.stores()) {
    if (state.presence(storeId).leaveWishedAtMs === undefined) continue;
    const operation = operationOf(state, storeId);
    if (operation?.stage.kind === "leaving") continue;
    if (operation && isOwnWish(operation) && mayBeCancelled(operation)) cancelOperation(state, operation);
    stay(state, storeId, "no other store stays to take its data");
  }
}

function stay(state: MasterState, storeId: StoreId, reason: string): void {
  const { streamId } = state.presence(storeId);
  if (streamId !== undefined) state.emit({ kind: "send", streamId, directive: { kind: "stay", reason } });
}

/** The orders that moves give to stores. */
import type { StoreId } from "../../ids.js";
import { masterLimits } from "../options.js";
import type { MoveRecord } from "../state/records.js";
import type { MasterState } from "../state/state.js";
import type { Order } from "./steps/step.js";
import { rulesOf } from "./steps/steps.js";

/** The order of a move that stands now, if any. */
function decideOrder(state: MasterState, move: MoveRecord): Order | undefined {
  const { step } = move;
  if (step.kind === "planned") return undefined;
  if (step.kind === "transfer-primary" && !state.handoffs.isOrdered(move.id)) return undefined;
  if (step.kind === "remove-replica" && state.awaited.get(move.targetId)?.has(move.id)) return undefined;
  const entry = state.entry(move.partition);
  const { registrationOf } = state;
  return rulesOf(step).decideOrder(step, { moveId: move.id, entry, registrationOf });
}

function send(state: MasterState, move: MoveRecord, { storeId, directive }: Order): void {
  const { streamId } = state.presence(storeId);
  if (streamId === undefined) return;
  state.orderedAtMs.set(move.id, state.nowMs);
  state.emit({ kind: "send", streamId, directive });
}

/** Sends the order of a move that stands now, if any. */
export function sendOrder(state: MasterState, move: MoveRecord): void {
  const order = decideOrder(state, move);
  if (order) send(state, move, order);
}

/** Sends a store every order that stands: it opened a new stream. */
export function sendStandingOrders(state: MasterState, storeId: StoreId): void {
  for (const move of state.moves.underWayOfStore(storeId)) {
    const order = decideOrder(state, move);
    if (order?.storeId === storeId) send(state, move, order);
  }
}

/** Sends the orders again of which a periodic heartbeat has shown nothing for a while. */
export function repeatOrders(state: MasterState, storeId: StoreId): void {
  for (const move of state.moves.underWayOfStore(storeId)) {
    const orderedAtMs = state.orderedAtMs.get(move.id) ?? state.nowMs;
    if (state.nowMs - orderedAtMs <= masterLimits.directiveRepeatMs) continue;
    const order = decideOrder(state, move);
    if (order?.storeId === storeId) send(state, move, order);
  }
}

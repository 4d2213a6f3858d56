/** Who is there: heartbeat streams, silence and probes. */
import { EkvError } from "../../errors.js";
import { dropLostNewcomers } from "../operations/operations.js";
import type { MasterEvent } from "../events.js";
import { handleLeaveWish } from "./drain-requests.js";
import { handleApplied, handleReport } from "../operations/moves.js";
import { repeatOrders, sendStandingOrders } from "../operations/orders.js";
import { reviewMoves } from "../operations/rollback.js";
import type { StoreRecord, StoreRegistration } from "../state/records.js";
import { orderStrayDeletions } from "../operations/orphaned-replicas.js";
import { type MasterState, replicaOf } from "../state/state.js";

type EventOf<K extends MasterEvent["kind"]> = Extract<MasterEvent, { kind: K }>;

/** Records whether a store is there. Ownership never changes by it: with one replica nobody could take over. */
function setAlive(state: MasterState, store: StoreRecord, alive: boolean, why: string): void {
  const { registration } = store;
  if (registration === undefined || registration.alive === alive) return;
  state.setStore({ ...store, registration: { ...registration, alive } });
  state.notice(alive ? "info" : "warn", alive ? "a store is back" : "a store is down", {
    storeId: store.storeId,
    reason: why,
  });
  state.problems.set(store.storeId, "down", alive ? [] : [why], state.nowMs);
  if (!alive) state.handoffs.suspend(store.storeId);
  reviewMoves(state, store.storeId);
}

/** Why a heartbeat stream is not accepted, if so. */
export function decideStreamRefusal(
  state: MasterState,
  event: EventOf<"stream-opened">,
  registration: StoreRegistration | undefined,
): EkvError | undefined {
  if (event.clusterId !== state.cluster.clusterId) {
    return new EkvError(
      "FAILED_PRECONDITION",
      `this is cluster ${state.cluster.clusterId}, not ${event.clusterId}; point the store at its own master`,
    );
  }
  if (registration?.incarnation === event.incarnation) return undefined;
  return new EkvError(
    "FAILED_PRECONDITION",
    `store ${event.storeId} is not registered with incarnation ${event.incarnation}; register again`,
  );
}

/** A store opened its heartbeat stream: it gets the topology and the orders that stand. */
export function handleStreamOpened(state: MasterState, event: EventOf<"stream-opened">): void {
  const { storeId, streamId } = event;
  const store = state.store(storeId);
  const refusal = decideStreamRefusal(state, event, store?.registration);
  if (refusal || store === undefined) {
    if (refusal) state.emit({ kind: "end-stream", streamId, error: refusal });
    return;
  }
  const presence = state.presence(storeId);
  if (presence.streamId !== undefined) {
    const error = new EkvError("CANCELLED", `store ${storeId} opened another heartbeat stream`);
    state.emit({ kind: "end-stream", streamId: presence.streamId, error });
  }
  presence.streamId = streamId;
  presence.lastHeartbeatMs = state.nowMs;
  // It may be what an operation waits for.
  state.agendaChanged = true;
  state.emit({ kind: "open-stream", streamId, storeId });
  setAlive(state, store, true, "it opened its heartbeat stream");
  sendStandingOrders(state, storeId);
}

/** A heartbeat: the store lives, has applied a version, carries load, and reports on moves. */
export function handleHeartbeat(state: MasterState, event: EventOf<"heartbeat">): void {
  const store = state.store(event.storeId);
  // Nothing is kept for names that no store has.
  if (store === undefined) return;
  const presence = state.presence(event.storeId);
  if (presence.streamId !== event.streamId) return;
  presence.lastHeartbeatMs = state.nowMs;
  setAlive(state, store, true, "its heartbeats are back");
  // A version from the future is of a master whose records were lost: it says nothing about this one's.
  if (event.appliedVersion < state.nextVersion) presence.appliedVersion = event.appliedVersion;
  const reporter = replicaOf(store);
  for (const report of event.reports) handleReport(state, reporter, report);
  handleApplied(state, event.storeId);
  if (event.leaving) handleLeaveWish(state, event.storeId);
  if (event.load === undefined) return;
  state.setLoad(event.storeId, event.load);
  state.problems.set(event.storeId, "itself", event.problems ?? [], state.nowMs);
  repeatOrders(state, event.storeId);
  orderStrayDeletions(state, event);
}

/** A stream broke: ask at once whether the store still runs. */
export function handleStreamClosed(state: MasterState, event: EventOf<"stream-closed">): void {
  const store = state.store(event.storeId);
  if (store === undefined) return;
  const presence = state.presence(event.storeId);
  if (presence.streamId !== event.streamId) return;
  presence.streamId = undefined;
  if (!store.registration?.alive) return;
  const { incarnation, address } = store.registration;
  state.emit({ kind: "probe", storeId: event.storeId, incarnation, address });
}

/** The answer to a probe. A store that answers may still fall silent; one that opened a new stream is alive. */
export function handleProbed(state: MasterState, event: EventOf<"probed">): void {
  const store = state.store(event.storeId);
  if (store?.registration?.incarnation !== event.incarnation || event.reachable) return;
  if (state.presence(event.storeId).streamId !== undefined) return;
  setAlive(state, store, false, "its stream broke and it cannot be reached");
}

/**
 * Finds the stores that have been silent for too long. A new master gives each of them one interval first; and one that
 * was itself stopped for a while reads what arrived in the meantime before it judges anybody.
 */
export function reviewSilence(state: MasterState): void {
  const pauseMs = state.nowMs - state.lastTickMs;
  state.lastTickMs = state.nowMs;
  if (pauseMs > state.options.suspectAfterMs) return;
  for (const store of state.stores()) {
    if (!store.registration?.alive) continue;
    const silentMs = state.nowMs - state.presence(store.storeId).lastHeartbeatMs;
    if (silentMs > state.options.suspectAfterMs) {
      setAlive(state, store, false, `silent for ${Math.round(silentMs)} ms`);
    }
  }
  dropLostNewcomers(state);
}

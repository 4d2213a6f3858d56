/** What a master that cannot record decisions still does with what stores say: nothing that has to last. */
import type { EkvError } from "../../errors.js";
import { brandAs, type Incarnation, type StoreId } from "../../ids.js";
import type { MasterEvent, Registration } from "../events.js";
import { decideStreamRefusal } from "./liveness.js";
import type { MasterState } from "../state/state.js";

type EventOf<K extends MasterEvent["kind"]> = Extract<MasterEvent, { kind: K }>;

/** The incarnation of a process that is registered as it is, so that nothing has to be recorded; else undefined. */
export function recognizeRegistration(
  state: MasterState,
  { storeId, processId, address, clusterId }: Registration,
): Incarnation | undefined {
  const { registration } = state.store(brandAs<StoreId>(storeId)) ?? {};
  const isSame = registration?.processId === processId && registration.address === address;
  return isSame && clusterId === state.cluster.clusterId ? registration.incarnation : undefined;
}

/** Lets a registered store's heartbeat stream in. Returns why not, if so. */
export function observeStream(state: MasterState, event: EventOf<"stream-opened">): EkvError | undefined {
  const refusal = decideStreamRefusal(state, event, state.store(event.storeId)?.registration);
  if (refusal) return refusal;
  state.presence(event.storeId).lastHeartbeatMs = state.nowMs;
  state.problems.set(event.storeId, "silence", [], state.nowMs);
  return undefined;
}

/** Takes a heartbeat's load and problems. Its reports come again when they can be acted on. */
export function observeHeartbeat(state: MasterState, event: EventOf<"heartbeat">): void {
  if (state.store(event.storeId)?.registration === undefined) return;
  state.presence(event.storeId).lastHeartbeatMs = state.nowMs;
  state.problems.set(event.storeId, "silence", [], state.nowMs);
  if (event.load === undefined) return;
  state.setLoad(event.storeId, event.load);
  state.problems.set(event.storeId, "itself", event.problems ?? [], state.nowMs);
}

/** Notes the stores that are silent, for operators: that they are down cannot be recorded. */
export function observeSilence(state: MasterState): void {
  for (const { storeId, registration } of state.stores()) {
    if (registration?.alive !== true) continue;
    const silentMs = state.nowMs - state.presence(storeId).lastHeartbeatMs;
    const isSilent = silentMs > state.options.suspectAfterMs;
    // Without a time, which would make it a new problem at every look. The time of the last heartbeat stands beside it.
    state.problems.set(storeId, "silence", isSilent ? ["it sends no heartbeats"] : [], state.nowMs);
  }
}

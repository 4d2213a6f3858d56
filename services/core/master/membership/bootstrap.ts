/** How a cluster gets its first stores, and how stores come to it unasked. */
import { boundedText } from "../../checks.js";
import { brandAs, type Epoch, type StoreId } from "../../ids.js";
import { createOperation, failLaunch, finishLeaving, operationOf } from "../operations/operations.js";
import type { MasterEvent } from "../events.js";
import { storeName, type StoreNaming, storeNaming } from "../options.js";
import { planFirstAssignment } from "../operations/planning.js";
import { type MasterState, replicaOf } from "../state/state.js";

type EventOf<K extends MasterEvent["kind"]> = Extract<MasterEvent, { kind: K }>;

/** The lowest name that no store has and no operation waits for. */
export function nextStoreName(state: MasterState, { prefix, first }: StoreNaming = storeNaming): StoreId {
  for (let number = first; ; number += 1) {
    const name = storeName(prefix, number);
    if (state.store(name) === undefined && operationOf(state, name) === undefined) return name;
  }
}

/** Assigns the whole ring at once, when nobody owns any of it and the first stores are there. No data moves. */
export function formCluster(state: MasterState): void {
  const ready = state
    .stores()
    .filter((store) => store.state === "joining" && store.registration?.alive)
    .map(({ storeId }) => storeId)
    .sort();
  if (ready.length < state.options.initialStores || ready.length === 0) return;
  for (const storeId of ready) {
    const store = state.store(storeId);
    if (store) state.setStore({ ...store, state: "active", pendingVersion: state.nextVersion });
  }
  for (const { partition, target } of planFirstAssignment(state, ready)) {
    const store = state.store(target);
    if (store === undefined) continue;
    state.setEntry({ ...state.entry(partition), epoch: brandAs<Epoch>(1), primary: replicaOf(store) });
  }
  state.notice("info", "the ring was assigned", { stores: ready.join(",") });
}

/** A store that nobody asked for gets its share, unless an operation waits for it or operators add stores themselves. */
export function joinUnasked(state: MasterState, storeId: StoreId): void {
  if (!state.options.autoJoin || operationOf(state, storeId)) return;
  createOperation(state, { kind: "add-store", storeId });
}

/**
 * What runs is known: launches the first stores of a new cluster, and those of an old one that do not run. Scaled ones are
 * started by what runs them; only one whose launch may not have been carried out is launched again.
 */
export function handleLauncherListed(state: MasterState, event: EventOf<"launcher-listed">): void {
  const { scaled, launchesInitial } = state.options;
  if (state.unassigned === state.cluster.partitionCount && launchesInitial && !scaled) {
    while (state.stores().length < state.options.initialStores) {
      state.setStore({
        storeId: nextStoreName(state),
        state: "joining",
        weight: 1,
        launched: true,
        registration: undefined,
      });
    }
  }
  const running = new Set(event.running);
  for (const { storeId, launched, registration } of state.stores()) {
    if (scaled && registration !== undefined) continue;
    if (launched && !running.has(storeId)) state.emit({ kind: "launch", storeId });
  }
}

/** A launch was tried. Whether the store works shows when it registers. */
export function handleLaunched(state: MasterState, event: EventOf<"launched">): void {
  const { storeId, error } = event;
  state.problems.set(storeId, "launch", [], state.nowMs);
  if (error === undefined) {
    state.notice("info", "a store was launched", { storeId });
    return;
  }
  const operation = operationOf(state, storeId);
  // It was told to stop meanwhile, and did.
  if (state.store(storeId) === undefined || operation?.stage.kind === "leaving") return;
  state.notice("error", "a store could not be launched", { storeId, reason: error.message });
  state.problems.set(
    storeId,
    "launch",
    [`could not be launched: ${boundedText(error.message)}`],
    state.nowMs,
  );
  const registered = state.store(storeId)?.registration !== undefined;
  if (operation?.stage.kind === "pending" && !registered)
    failLaunch(state, operation, storeId, error.message);
}

/** The launcher was asked to take a store away. */
export function handleLaunchedRemoved(state: MasterState, event: EventOf<"launched-removed">): void {
  finishLeaving(state, event.storeId, event.error?.message);
}

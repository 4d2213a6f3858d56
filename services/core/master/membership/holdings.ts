/** What a store's disk must hold when it comes back: with one replica nobody else has it. */
import { brandAs, type StoreId, type TopologyVersion } from "../../ids.js";
import type { PartitionEntry } from "../../topology.js";
import type { Registration } from "../events.js";
import type { StoreRecord } from "../state/records.js";
import type { MasterState } from "../state/state.js";
import { formatNoun } from "../../noun-count.js";

/** Whether a store has said that its disk holds what it owned at a version. */
export function hasConfirmed(store: StoreRecord, version: TopologyVersion): boolean {
  return store.confirmedVersion !== undefined && store.confirmedVersion >= version;
}

/**
 * Records what a store confirms by the version it has applied: what its run was given at its start, and the moves to it.
 * Has to be committed before anybody else deletes that data.
 *
 * @param moved versions at which moves to it were committed, and which it has applied
 */
export function confirmHoldings(
  state: MasterState,
  storeId: StoreId,
  moved: readonly TopologyVersion[],
): void {
  const store = state.store(storeId);
  if (store === undefined) return;
  const { pendingVersion, confirmedVersion } = store;
  const isTakenUp = pendingVersion !== undefined && state.presence(storeId).appliedVersion >= pendingVersion;
  const newest = Math.max(confirmedVersion ?? 0, isTakenUp ? pendingVersion : 0, ...moved);
  if (newest === (confirmedVersion ?? 0) && !isTakenUp) return;
  state.setStore({
    ...store,
    pendingVersion: isTakenUp ? undefined : pendingVersion,
    confirmedVersion: brandAs<TopologyVersion>(newest),
  });
}

/**
 * What a new run of a store lacks of what an earlier one had confirmed; undefined: nothing that can be told. A folder that
 * is older than the last start of the store, or than the last partition it took over, is told by its version.
 */
export function findLackingData(
  state: MasterState,
  store: StoreRecord,
  registration: Registration,
): string | undefined {
  const { storeId, confirmedVersion } = store;
  if (confirmedVersion === undefined) return undefined;
  const held = new Set(registration.held.map(({ entry }) => entry.partition));
  const wanted = [...state.ring.entries()].filter((entry) => mustHold(state, storeId, entry));
  const missing = wanted.filter(({ partition }) => !held.has(partition)).length;
  if (missing > 0) return `without ${missing} of its ${formatNoun(wanted.length, "partition")}`;
  if (wanted.length === 0 || registration.storedVersion >= confirmedVersion) return undefined;
  return (
    `with an older state of its data, of topology version ${registration.storedVersion}, ` +
    `though it had reached ${confirmedVersion}`
  );
}

/** Whether a store has the data of a partition, as far as the master knows: until a target confirms, its source has it too. */
function mustHold(
  state: MasterState,
  storeId: StoreId,
  { partition, primary, halted }: PartitionEntry,
): boolean {
  const move = state.moves.ofPartition(partition);
  if (move?.step.kind !== "remove-replica") return primary?.storeId === storeId && !halted;
  const target = state.store(move.targetId);
  const hasArrived = target !== undefined && hasConfirmed(target, move.step.committedVersion);
  return storeId === (hasArrived ? move.targetId : move.step.storeId);
}

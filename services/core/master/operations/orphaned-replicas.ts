/** Copies of partitions on stores that have no role in them, and which no move is about to delete. */
import type { StoreId } from "../../ids.js";
import { hasRole } from "../../topology.js";
import type { MasterEvent, StrayReplica } from "../events.js";
import type { MasterState } from "../state/state.js";

/**
 * Orders a store to delete what it holds of others' partitions: its folder is older than their hand-over, or a power cut
 * took their deletion back. Nothing is kept of the order: while there are strays, each periodic heartbeat tells of them.
 */
export function orderStrayDeletions(
  state: MasterState,
  { streamId, storeId, strays }: Extract<MasterEvent, { kind: "heartbeat" }>,
): void {
  for (const stray of strays) {
    if (mayDelete(state, storeId, stray)) {
      state.emit({ kind: "send", streamId, directive: { kind: "delete-stray", ...stray } });
    }
  }
}

/**
 * A copy goes only while another is as safe as after a move: its owner runs and has applied, after a flush, every version
 * so far, its own start and end included. The copy of a store that the entry names is one of the replicas, and stays. A
 * source keeps its copy until its move says otherwise. A store that does not know the newest entry may yet get the
 * partition.
 */
function mayDelete(state: MasterState, storeId: StoreId, { partition, epoch }: StrayReplica): boolean {
  const entry = state.entry(partition);
  if (entry.halted || entry.epoch !== epoch || entry.primary === undefined) return false;
  if (hasRole(entry, storeId)) return false;
  if (state.moves.ofPartition(partition)?.step.kind === "remove-replica") return false;
  return state.presence(entry.primary.storeId).appliedVersion + 1 === state.nextVersion;
}

/** Copies on stores of what other stores serve, and which no move is about to delete. */
import type { MasterEvent, StrayReplica } from "./events.js";
import type { MasterState } from "./state.js";

/**
 * Orders a store to delete what it holds of others' partitions: its folder is older than their hand-over, or a power cut
 * took their deletion back. Nothing is kept of the order: while there are strays, each periodic heartbeat tells of them.
 */
export function orderStrayDeletions(
  state: MasterState,
  { streamId, strays }: Extract<MasterEvent, { kind: "heartbeat" }>,
): void {
  for (const stray of strays) {
    if (mayDelete(state, stray)) {
      state.emit({ kind: "send", streamId, directive: { kind: "delete-stray", ...stray } });
    }
  }
}

/**
 * Another copy is as safe as after a move: its owner runs and has applied, behind a flush, all there is to apply, for its
 * start and its end are versions too. A source keeps its copy until its move says otherwise, and a store that has not heard
 * of the newest entry may yet be given the partition.
 */
function mayDelete(state: MasterState, { partition, epoch }: StrayReplica): boolean {
  const entry = state.entry(partition);
  if (entry.halted || entry.epoch !== epoch || entry.primary === undefined) return false;
  if (state.moves.ofPartition(partition)?.step.kind === "leadership-transferred") return false;
  return state.presence(entry.primary.storeId).appliedVersion + 1 === state.nextVersion;
}

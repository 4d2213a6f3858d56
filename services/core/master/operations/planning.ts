/** The placement policy, asked about the cluster as it is. */
import type { StoreId } from "../../ids.js";
import { decidePlacement } from "../../placement/decide-placement.js";
import type { PlacementGoal, PlacementPlan, PlacementStore } from "../../placement/policy.js";
import type { OperationPlan } from "../effects.js";
import type { OperationTask } from "../state/records.js";
import type { MasterState } from "../state/state.js";

/** The stores as the policy has to see them, so that the task comes out. */
function placementStores(state: MasterState, task: OperationTask): readonly PlacementStore[] {
  const stores = new Map<StoreId, PlacementStore>();
  for (const store of state.stores()) {
    if (store.state === "joining") continue;
    const keys = state.kvStoreMap.getStoreKeyNum(store.storeId);
    // What a store that is about to stop would be given now, it would have to give away next.
    const isStopping = state.presence(store.storeId).leaveWishedAtMs !== undefined;
    const stage = isStopping ? "draining" : store.state;
    stores.set(store.storeId, { storeId: store.storeId, weight: store.weight, state: stage, keys });
  }
  if (task.kind === "rebalance") return [...stores.values()];
  const { storeId } = task;
  stores.set(storeId, {
    storeId,
    weight: state.store(storeId)?.weight ?? 1,
    state: task.kind === "add-store" ? "active" : "draining",
    keys: state.kvStoreMap.getStoreKeyNum(storeId),
  });
  return [...stores.values()].sort((a, b) => (a.storeId < b.storeId ? -1 : 1));
}

function place(
  state: MasterState,
  stores: readonly PlacementStore[],
  goal: PlacementGoal = "membership",
): PlacementPlan {
  const owners = state.ring.entries().map(({ primary }) => primary?.storeId);
  return decidePlacement(state.options.placement, { owners, stores }, goal);
}

/** The moves that a task takes now. Partitions that are in a move already are left alone. */
export function planTask(state: MasterState, task: OperationTask): OperationPlan {
  const goal = task.kind === "rebalance" ? "even-out" : "membership";
  const { moves, movesMinimum } = place(state, placementStores(state, task), goal);
  return {
    movesMinimum,
    moves: moves
      .filter(({ partition }) => state.moves.ofPartition(partition) === undefined)
      .map(({ partition, source, target }) => ({
        partition,
        sourceId: source,
        targetId: target,
        ...state.size(partition),
      })),
  };
}

/** Who gets which partition at first. */
export function planFirstAssignment(
  state: MasterState,
  storeIds: readonly StoreId[],
): PlacementPlan["assignments"] {
  const stores = storeIds.map((storeId) => ({
    storeId,
    weight: state.store(storeId)?.weight ?? 1,
    state: "active" as const,
    keys: 0,
  }));
  return place(state, stores).assignments;
}

/**
 * The stores that a task involves, none of which may be in another operation: every store that has a share under the
 * `balanced` policy, which moves between all of them; those between which partitions go under `contiguous`.
 */
export function decideParticipants(state: MasterState, task: OperationTask): readonly StoreId[] {
  const involved = new Set<StoreId>();
  if (task.kind !== "rebalance") involved.add(task.storeId);
  if (state.options.placement === "contiguous") {
    for (const { sourceId, targetId } of planTask(state, task).moves) involved.add(sourceId).add(targetId);
  } else {
    for (const store of state.stores()) if (store.state !== "joining") involved.add(store.storeId);
  }
  return [...involved];
}

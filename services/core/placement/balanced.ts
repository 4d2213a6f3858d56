import { brandAs, type PartitionId, type StoreId } from "../ids.js";
import type { PlacementInput, PlacementMove, PlacementPlan, PlacementStore } from "./policy.js";

/**
 * How many partitions each active store should have: its weighted share rounded down, and the partitions left over one
 * each to the stores that keep most by it (those that have more than the share already), then by largest remainder.
 */
export function fairCounts(
  partitionCount: number,
  stores: readonly PlacementStore[],
  owned: ReadonlyMap<StoreId, number>,
): Map<StoreId, number> {
  const active = stores.filter((store) => store.state === "active");
  const weights = active.reduce((sum, store) => sum + store.weight, 0);
  const shares = active.map((store) => {
    const share = (partitionCount * store.weight) / weights;
    const floor = Math.floor(share);
    const keeps = (owned.get(store.storeId) ?? 0) > floor && share > floor ? 1 : 0;
    return { storeId: store.storeId, floor, remainder: share - floor, keeps };
  });
  let left = partitionCount - shares.reduce((sum, { floor }) => sum + floor, 0);
  shares.sort((a, b) => b.keeps - a.keeps || b.remainder - a.remainder || (a.storeId < b.storeId ? -1 : 1));
  const counts = new Map<StoreId, number>();
  for (const { storeId, floor } of shares) {
    const extra = left > 0 ? 1 : 0;
    left -= extra;
    counts.set(storeId, floor + extra);
  }
  return counts;
}

/**
 * The `balanced` policy: every active store ends within one partition of its weighted fair share, draining ones with
 * nothing, and only what is above a store's share moves. Deterministic.
 */
export function planBalanced({ owners, stores }: PlacementInput): PlacementPlan {
  const owned = new Map<StoreId, number>();
  for (const owner of owners) if (owner !== undefined) owned.set(owner, (owned.get(owner) ?? 0) + 1);
  const fair = fairCounts(owners.length, stores, owned);
  if (fair.size === 0) return { assignments: [], moves: [], movesMinimum: 0 };
  // Who lacks how many, taken round-robin so that every source feeds every target alike.
  const lacking = [...fair]
    .map(([storeId, count]) => ({ storeId, lacks: count - (owned.get(storeId) ?? 0) }))
    .filter(({ lacks }) => lacks > 0);
  const surplus = new Map<StoreId, number>();
  for (const [storeId, count] of owned) surplus.set(storeId, count - (fair.get(storeId) ?? 0));
  const assignments: { partition: PartitionId; target: StoreId }[] = [];
  const moves: PlacementMove[] = [];
  let turn = 0;
  const nextTarget = (): StoreId | undefined => {
    for (let tried = 0; tried < lacking.length; tried += 1) {
      const store = lacking[turn % lacking.length];
      turn += 1;
      if (store && store.lacks > 0) {
        store.lacks -= 1;
        return store.storeId;
      }
    }
    return undefined;
  };
  for (const index of unassignedFirst(owners)) {
    const partition = brandAs<PartitionId>(index);
    const source = owners[index];
    if (source === undefined) {
      // A partition without data goes beside the last one, so that the ring of a new cluster has few ranges.
      const store = lacking.find(({ lacks }) => lacks > 0);
      if (store) {
        store.lacks -= 1;
        assignments.push({ partition, target: store.storeId });
      }
      continue;
    }
    const left = surplus.get(source) ?? 0;
    if (left <= 0) continue;
    const target = nextTarget();
    if (target === undefined) break;
    surplus.set(source, left - 1);
    moves.push({ partition, source, target });
  }
  return { assignments, moves, movesMinimum: moves.length };
}

function* unassignedFirst(owners: readonly (StoreId | undefined)[]): Iterable<number> {
  for (const [index, owner] of owners.entries()) if (owner === undefined) yield index;
  for (const [index, owner] of owners.entries()) if (owner !== undefined) yield index;
}

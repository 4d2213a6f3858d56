import { brandAs, type PartitionId, type StoreId } from "../ids.js";
import { arcsOf, fillArc, type Arc } from "./arcs.js";
import { planBalanced } from "./balanced.js";
import type { PlacementInput, PlacementMove, PlacementPlan, PlacementStore } from "./policy.js";

/**
 * The `contiguous` policy, the paper's: each store one range. A new store takes the upper half of the largest range
 * (6.2 step 3); a leaving one's range goes to whichever neighbour has fewer keys (6.3 step 3). Both leave ranges of
 * different lengths, which `planEvenRanges` evens out when asked.
 */
export function planContiguous(input: PlacementInput): PlacementPlan {
  const { owners, stores } = input;
  const active = stores.filter((store) => store.state === "active");
  if (active.length === 0) return { assignments: [], moves: [], movesMinimum: 0 };
  if (owners.every((owner) => owner === undefined)) return assignEqually(owners.length, active);
  const next = owners.slice();
  for (const { storeId, state } of stores) if (state === "draining") giveToNeighbour(next, storeId, stores);
  for (const { storeId } of active) if (!next.includes(storeId)) splitLargest(next, storeId);
  const moves: PlacementMove[] = [];
  const assignments: { partition: PartitionId; target: StoreId }[] = [];
  for (const [index, target] of next.entries()) {
    const source = owners[index];
    if (target === undefined || source === target) continue;
    const partition = brandAs<PartitionId>(index);
    if (source === undefined) assignments.push({ partition, target });
    else moves.push({ partition, source, target });
  }
  return { assignments, moves, movesMinimum: planBalanced(input).movesMinimum };
}

function assignEqually(partitionCount: number, stores: readonly PlacementStore[]): PlacementPlan {
  const assignments = Array.from({ length: partitionCount }, (_, index) => {
    const store = stores[Math.floor((index * stores.length) / partitionCount)] as PlacementStore;
    return { partition: brandAs<PartitionId>(index), target: store.storeId };
  });
  return { assignments, moves: [], movesMinimum: 0 };
}

function splitLargest(owners: (StoreId | undefined)[], storeId: StoreId): void {
  let largest: Arc | undefined;
  for (const arc of arcsOf(owners)) {
    if (!largest || arc.end - arc.start > largest.end - largest.start) largest = arc;
  }
  if (!largest || largest.end - largest.start < 2) return;
  fillArc(owners, storeId, Math.ceil((largest.start + largest.end) / 2), largest.end);
}

/** Each range of the store goes whole to the neighbour with fewer keys; at the ring's seam the neighbours wrap. */
function giveToNeighbour(
  owners: (StoreId | undefined)[],
  storeId: StoreId,
  stores: readonly PlacementStore[],
): void {
  const heirs = new Map(
    stores.filter(({ state }) => state === "active").map((store) => [store.storeId, store.keys]),
  );
  for (const arc of arcsOf(owners).filter((candidate) => candidate.storeId === storeId)) {
    const left = nearest(owners, arc.start, -1, heirs);
    const right = nearest(owners, arc.end - 1, 1, heirs);
    const fewer = keysOf(heirs, left) <= keysOf(heirs, right) ? left : right;
    const heir = fewer ?? [...heirs.keys()][0];
    if (heir !== undefined) fillArc(owners, heir, arc.start, arc.end);
  }
}

function keysOf(heirs: ReadonlyMap<StoreId, number>, storeId: StoreId | undefined): number {
  return storeId === undefined ? Infinity : (heirs.get(storeId) ?? Infinity);
}

function nearest(
  owners: readonly (StoreId | undefined)[],
  from: number,
  step: number,
  heirs: ReadonlyMap<StoreId, number>,
): StoreId | undefined {
  for (let i = 1; i < owners.length; i += 1) {
    const owner = owners[(from + step * i + owners.length) % owners.length];
    if (owner !== undefined && heirs.has(owner)) return owner;
  }
  return undefined;
}

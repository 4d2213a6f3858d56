import { brandAs, type PartitionId, type StoreId } from "../ids.js";
import { arcsOf, type Arc } from "./arcs.js";
import { fairCounts, planBalanced } from "./balanced.js";
import type { PlacementInput, PlacementMove, PlacementPlan } from "./policy.js";

/**
 * Evens out the ranges of the `contiguous` policy: every active store ends with one range, of its weighted fair share
 * within one partition; a draining one with nothing. Stores stay in their order around the ring, so that only the borders
 * between neighbours shift, and the ranges are laid where most partitions stay where they are. Deterministic.
 */
export function planEvenRanges(input: PlacementInput): PlacementPlan {
  const { owners, stores } = input;
  const owned = new Map<StoreId, number>();
  for (const owner of owners) if (owner !== undefined) owned.set(owner, (owned.get(owner) ?? 0) + 1);
  const counts = fairCounts(owners.length, stores, owned);
  const ranges = decideOrder(owners, counts).map((storeId) => ({
    storeId,
    length: counts.get(storeId) ?? 0,
  }));
  if (ranges.length === 0) return { assignments: [], moves: [], movesMinimum: 0 };
  const moves: PlacementMove[] = [];
  const assignments: { partition: PartitionId; target: StoreId }[] = [];
  let next = decideStart(owners, ranges);
  for (const { storeId: target, length } of ranges) {
    for (let i = 0; i < length; i += 1, next += 1) {
      const partition = brandAs<PartitionId>(next % owners.length);
      const source = owners[partition];
      if (source === undefined) assignments.push({ partition, target });
      else if (source !== target) moves.push({ partition, source, target });
    }
  }
  return { assignments, moves, movesMinimum: planBalanced(input).movesMinimum };
}

interface Range {
  readonly storeId: StoreId;
  readonly length: number;
}

/** The active stores around the ring, each where its longest range begins. One without a range follows whoever has most to give. */
function decideOrder(
  owners: readonly (StoreId | undefined)[],
  counts: ReadonlyMap<StoreId, number>,
): readonly StoreId[] {
  const longest = new Map<StoreId, Arc>();
  for (const arc of arcsOf(owners)) {
    const known = longest.get(arc.storeId);
    const isLonger = !known || arc.end - arc.start > known.end - known.start;
    if (counts.has(arc.storeId) && isLonger) longest.set(arc.storeId, arc);
  }
  const arcs = [...longest.values()].sort((a, b) => a.start - b.start);
  const surplus = (arc: Arc): number => arc.end - arc.start - (counts.get(arc.storeId) ?? 0);
  const giver = arcs.reduce<Arc | undefined>(
    (most, arc) => (most && surplus(most) >= surplus(arc) ? most : arc),
    undefined,
  );
  const newcomers = [...counts.keys()].filter((storeId) => !longest.has(storeId)).sort();
  if (!giver) return newcomers;
  return arcs.flatMap((arc) => (arc === giver ? [arc.storeId, ...newcomers] : [arc.storeId]));
}

/** The partition where the first range begins, so that most partitions stay where they are. */
function decideStart(owners: readonly (StoreId | undefined)[], ranges: readonly Range[]): number {
  const size = owners.length;
  const placed = new Map<StoreId, { readonly offset: number; readonly length: number }>();
  let offset = 0;
  for (const { storeId, length } of ranges) {
    placed.set(storeId, { offset, length });
    offset += length;
  }
  // A partition stays for as many starts, one after the other, as its owner's range is long.
  let staying = 0;
  /** Index: a start; how many more partitions stay with it than with the one before. */
  const change = new Int32Array(size);
  for (const [partition, owner] of owners.entries()) {
    const range = owner === undefined ? undefined : placed.get(owner);
    if (!range || range.length === 0) continue;
    const last = (partition - range.offset + size) % size;
    const first = (last - range.length + 1 + size) % size;
    if (first > last || first === 0) staying += 1;
    if (first > 0) change[first] = (change[first] as number) + 1;
    const after = (last + 1) % size;
    if (after > 0) change[after] = (change[after] as number) - 1;
  }
  let best = { start: 0, staying };
  for (let start = 1; start < size; start += 1) {
    staying += change[start] as number;
    if (staying > best.staying) best = { start, staying };
  }
  return best.start;
}

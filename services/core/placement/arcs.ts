import type { StoreId } from "../ids.js";

/** Adjacent partitions of one owner. */
export interface Arc {
  readonly storeId: StoreId;
  readonly start: number;
  /** One past the last; beyond the number of partitions when the range crosses the ring's seam. */
  readonly end: number;
}

/** The ranges of a ring in their order; one that crosses the seam is one range, and comes last. */
export function arcsOf(owners: readonly (StoreId | undefined)[]): Arc[] {
  const arcs: Arc[] = [];
  for (const [index, storeId] of owners.entries()) {
    if (storeId === undefined) continue;
    const last = arcs.at(-1);
    if (last?.storeId === storeId && last.end === index) arcs[arcs.length - 1] = { ...last, end: index + 1 };
    else arcs.push({ storeId, start: index, end: index + 1 });
  }
  return joinedAtSeam(arcs, owners.length);
}

function joinedAtSeam(arcs: readonly Arc[], size: number): Arc[] {
  const [first, last] = [arcs[0], arcs.at(-1)];
  const joins = first !== last && first?.start === 0 && last?.end === size && first.storeId === last.storeId;
  return joins ? [...arcs.slice(1, -1), { ...last, end: size + first.end }] : [...arcs];
}

/** Gives the partitions from `start` to before `end`, which may lie beyond the ring's seam, to a store. */
export function fillArc(owners: (StoreId | undefined)[], storeId: StoreId, start: number, end: number): void {
  for (let index = start; index < end; index += 1) owners[index % owners.length] = storeId;
}

import type { Partition } from "../../../services/core/store/partition.js";

/** A store and its partitions at one moment. */
export interface OwnerView {
  readonly storeId: string;
  readonly partitions: readonly Pick<Partition, "id" | "readable" | "writable">[];
}

/** I1: what two stores serve at the same moment, if anything. */
export function findSharedPartition(stores: readonly OwnerView[]): string | undefined {
  const owners = new Map<number, string>();
  for (const { storeId, partitions } of stores) {
    for (const { id, readable, writable } of partitions) {
      if (!readable && !writable) continue;
      const other = owners.get(id);
      if (other !== undefined) return `partition ${id} is served by ${other} and by ${storeId}`;
      owners.set(id, storeId);
    }
  }
  return undefined;
}

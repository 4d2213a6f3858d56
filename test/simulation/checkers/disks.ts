import { PartitionDigest } from "../../../services/core/digest.js";
import type { GenerationName, StorageEngine } from "../../../services/core/ports/storage-engine.js";
import type { Generation, PartitionId } from "../../../services/core/ids.js";
import { decodeCounters } from "../../../services/core/store/counters.js";

/** What a store says it has, and its disk. */
export interface DiskView {
  readonly storeId: string;
  /** The generations it serves. */
  readonly live: readonly GenerationName[];
  readonly disk: Pick<StorageEngine, "range" | "listGenerations" | "listMeta" | "getCounters">;
}

/** What is left over on the disks, or missing there, when nothing is under way. Empty: nothing. */
export function findLeftovers(disks: readonly DiskView[], partitionCount: number): string[] {
  const problems: string[] = [];
  const owners = new Map<number, string>();
  for (const { storeId, live, disk } of disks) {
    const names = new Set(live.map(({ partition, generation }) => `${partition}/${generation}`));
    for (const { partition, generation } of disk.listGenerations()) {
      const name = `${partition}/${generation}`;
      if (!names.has(name)) problems.push(`${storeId} still has data or counters of generation ${name}`);
    }
    for (const { name } of disk.listMeta("staged/")) problems.push(`${storeId} still has ${name}`);
    for (const { partition, generation } of live) {
      const other = owners.get(partition);
      if (other !== undefined) problems.push(`partition ${partition} is live at ${other} and at ${storeId}`);
      owners.set(partition, storeId);
      const wrong = findWrongCounters(disk, partition, generation);
      if (wrong) problems.push(`${storeId}: partition ${partition}: ${wrong}`);
    }
  }
  for (let partition = 0; partition < partitionCount; partition += 1) {
    if (!owners.has(partition)) problems.push(`partition ${partition} is live nowhere`);
  }
  return problems;
}

/** Whether the stored digest, keys and bytes are those of the data. */
function findWrongCounters(
  disk: DiskView["disk"],
  partition: PartitionId,
  generation: Generation,
): string | undefined {
  const stored = decodeCounters(disk.getCounters(partition, generation));
  const digest = new PartitionDigest();
  for (const { key, record } of disk.range(partition, generation)) digest.add(key, record);
  if (digest.equals(stored.digest)) return undefined;
  return `its counters say ${stored.digest.keys} keys, the data has ${digest.keys}, or their digests differ`;
}

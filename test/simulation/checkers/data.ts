import type { Generation, PartitionId } from "../../../services/core/ids.js";
import type { StorageEngine } from "../../../services/core/ports/storage-engine.js";

/** The data of a generation: keys and records, as text. */
export type DataImage = ReadonlyMap<string, string>;

/** What a disk holds of a generation. */
export function imageOf(
  engine: Pick<StorageEngine, "range">,
  partition: PartitionId,
  generation: Generation,
): DataImage {
  const image = new Map<string, string>();
  for (const { key, record } of engine.range(partition, generation)) {
    image.set(Buffer.from(key).toString("latin1"), Buffer.from(record).toString("latin1"));
  }
  return image;
}

/** The first difference between what a source released and what its successor serves; undefined: none. */
export function findDifference(source: DataImage, target: DataImage): string | undefined {
  for (const [key, record] of source) {
    const moved = target.get(key);
    if (moved === undefined) return `${key} is missing`;
    if (moved !== record) return `${key} differs`;
  }
  for (const key of target.keys()) if (!source.has(key)) return `${key} is only at the target`;
  return undefined;
}

import { type Generation, type PartitionId, brandAs } from "../../core/ids.js";
import type { GenerationName } from "../../core/ports/storage-engine.js";

/** What the names of counters begin with among the meta values. */
export const countersPrefix = "counters/";

/** Name under which the LMDB engine keeps a generation's counters, among the meta values. */
export function countersName(partition: PartitionId, generation: Generation): string {
  return `${countersPrefix}${partition}/${generation}`;
}

/** The generation that a {@link countersName} is of. */
export function generationOfCounters(name: string): GenerationName {
  const [partition, generation] = name.slice(countersPrefix.length).split("/").map(Number);
  return {
    partition: brandAs<PartitionId>(partition ?? 0),
    generation: brandAs<Generation>(generation ?? 0),
  };
}

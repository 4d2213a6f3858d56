import { writeName } from "../replica/write.js";
import type { Write } from "../replica/write.js";
import { Violation } from "../world/observations.js";
import type { World } from "../world/world.js";

/** Committed by all required: each of them has said that the write is on its disk, and it was. */
export function checkCommitted(
  { observations, stored }: World,
  partition: number,
  writes: readonly Write[],
  holders: readonly number[],
): void {
  for (const write of writes) {
    const name = writeName(write);
    const missing = holders.find((store) => !stored.has(store, partition, name));
    if (missing !== undefined) throw new Violation(`p${partition} committed without s${missing}: ${name}`);
    const known = observations.committed.get(`${partition} ${name}`);
    if (!known) {
      observations.committed.set(`${partition} ${name}`, {
        partition,
        name,
        version: write.version,
        holders,
      });
    }
  }
}

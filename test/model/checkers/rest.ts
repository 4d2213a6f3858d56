import { isSuspect } from "../master/failover.js";
import { type Member, membersOf } from "../replica/entry.js";
import { compareVersions } from "../replica/version.js";
import { sameCalls } from "../replica/call-table.js";
import { isFollowing } from "../store/backup.js";
import { Violation } from "../world/observations.js";
import type { World } from "../world/world.js";

/** What must hold when a cluster has come to rest: nothing committed is lost, each call took effect once, watches have seen all. */
export function checkRest(world: World): void {
  for (const [partition, entry] of world.metadata.last.entries.entries()) {
    const lineage = world.store(entry.primary.store).group(partition).replica?.lineage ?? [];
    checkOnce(partition, lineage);
    checkNothingLost(world, partition, lineage);
    checkWatch(world, partition, lineage);
    checkReplicas(world, partition);
  }
}

/** Exactly once (I7): no call of a client is in the history twice. */
function checkOnce(partition: number, lineage: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of lineage) {
    const mark = name.slice(name.lastIndexOf(" ") + 1);
    if (seen.has(mark)) throw new Violation(`p${partition} executed ${mark} twice`);
    seen.add(mark);
  }
}

/** No acknowledged write is lost (I2), and none that a read or a watch may have seen. */
function checkNothingLost({ observations }: World, partition: number, lineage: readonly string[]): void {
  const present = new Set(lineage);
  for (const write of observations.committed.values()) {
    if (write.partition === partition && !present.has(write.name))
      throw new Violation(`p${partition} lost a committed write: ${write.name}`);
  }
}

/** A watch has seen every write, in order, none twice. */
function checkWatch({ watchers }: World, partition: number, lineage: readonly string[]): void {
  const seen = watchers[partition]?.seen ?? [];
  const at = lineage.findIndex((name, index) => seen[index] !== name);
  if (at >= 0)
    throw new Violation(`a watch of p${partition} saw ${seen[at] ?? "nothing"} instead of ${lineage[at]}`);
  if (seen.length > lineage.length) throw new Violation(`a watch of p${partition} saw more than was written`);
}

/** Everybody who follows the primary has its data and its call table. */
function checkReplicas(world: World, partition: number): void {
  const entry = world.metadata.last.entries[partition];
  if (!entry) return;
  const primary = world.store(entry.primary.store).group(partition).replica;
  for (const { store } of membersOf(entry)) {
    const group = world.store(store).group(partition);
    const { replica } = group;
    if (!primary || !replica || !isFollowing(group, entry)) continue;
    if (compareVersions(replica.version, primary.version) !== 0) continue;
    const isSame =
      [...primary.cells].every(([key, { value }]) => replica.cells.get(key)?.value === value) &&
      [...primary.calls].every(([client, calls]) => sameCalls(replica.calls.get(client), calls));
    if (!isSame) throw new Violation(`s${store} differs from the primary of p${partition} at rest`);
  }
}

/** A cluster that does not come to rest waits for an operator: a partition has no clean replica left, and one that is lost for good. */
export function checkUnrest(world: World): void {
  const view = world.metadata.last;
  world.observations.count("not at rest");
  const isWaiting = view.entries.map(membersOf).some((members) => {
    const isClean = (member: Member): boolean => !world.lost.has(member.store) && !isSuspect(view, member);
    return members.some(({ store }) => world.lost.has(store)) && !members.some(isClean);
  });
  if (!isWaiting) throw new Violation("nothing is wrong, but calls are not answered");
}

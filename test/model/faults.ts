import { isSuspect } from "./master/failover.js";
import { memberOf, membersOf } from "./replica/entry.js";
import { Disk, type DiskContent } from "./world/disk.js";
import type { World } from "./world/world.js";

/** Stores that may be lost for good in one run. */
const lostMax = 2;

/** Something happens to a store: a kill, mostly. */
export function strike(world: World, id: number): void {
  const { options, random } = world;
  if (world.lost.has(id)) return;
  const kind = random.fraction();
  if (kind < 0.5) kill(world, id);
  else if (kind < 0.75 && options.power) cutPower(world, id);
  else if (kind < 0.85 && options.deaths) lose(world, id);
  else cutStreams(world, id, random.below(options.stores));
}

/** The process ends; the disk has all that was written, flushed or not. */
function kill(world: World, id: number): void {
  const { disk, isRegistered, isIntact } = world.store(id);
  world.observations.count("kills");
  world.observations.note(() => `s${id} is killed`);
  world.restart(id, disk, isRegistered || isIntact);
}

/** The machine goes down and comes back, without what its disk had not flushed; unless that was the last of a committed write. */
export function cutPower(world: World, id: number): void {
  const { random } = world;
  const content = world.store(id).disk.before(1 + random.below(6));
  if (!keepsPromises(world, id, content)) return;
  world.observations.count("power cuts");
  world.observations.note(() => `s${id} loses power`);
  world.restart(id, new Disk(content), false);
}

/** The store never comes back; unless a partition would be left without a clean, living member, or a committed write without a holder. */
function lose(world: World, id: number): void {
  const { metadata, lost } = world;
  const view = metadata.last;
  const isClean = (store: number): boolean => !lost.has(store) && world.store(store).isRegistered;
  const isNeeded = view.entries.some(
    (entry) =>
      memberOf(entry, id) !== undefined &&
      !membersOf(entry).some(
        (member) => member.store !== id && isClean(member.store) && !isSuspect(view, member),
      ),
  );
  if (isNeeded || lost.size >= lostMax || !keepsPromises(world, id, undefined)) return;
  world.observations.count("deaths");
  world.observations.note(() => `s${id} is lost for good`);
  lost.add(id);
  world.restart(id, world.store(id).disk, false);
  for (const master of world.masters) master.believe(id, false);
}

/** The streams between two stores end, with what they carried. */
function cutStreams(world: World, one: number, other: number): void {
  if (one === other) return;
  const [a, b] = [`s${one}`, `s${other}`];
  world.network.cut((from, to) => (from === a && to === b) || (from === b && to === a));
  for (const [here, there] of [
    [one, other],
    [other, one],
  ] as const)
    for (const { primary } of world.store(here).groups) primary?.lose(there);
}

/**
 * Whether each committed write is still somewhere after a store was left with this content: on one of the replicas that acknowledged it.
 * When stores may be lost for good, on a present member: a replica that was dropped is no help once the others are gone.
 */
function keepsPromises(world: World, id: number, content: DiskContent | undefined): boolean {
  const { observations, metadata, lost, options } = world;
  const holds = (store: number, partition: number, name: string): boolean => {
    if (lost.has(store)) return false;
    const disk: Pick<Disk, "content"> = world.store(store).disk;
    const held = store === id ? content : disk.content;
    return held?.[partition]?.replica?.lineage.includes(name) ?? false;
  };
  return [...observations.committed.values()].every(({ partition, name, holders }) => {
    const entry = metadata.last.entries[partition];
    const able = options.deaths && entry ? membersOf(entry).map(({ store }) => store) : holders;
    return able.some((store) => holds(store, partition, name));
  });
}

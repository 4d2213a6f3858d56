import { reportAccepted } from "./store/hand-off.js";
import type { Entry } from "./replica/entry.js";
import { isSuspect } from "./master/failover.js";
import type { Master } from "./master/master.js";
import { electMaster } from "./schedule.js";
import type { World } from "./world/world.js";

/** Rounds until a cluster without faults must be at rest. */
const roundsMax = 60;

/** Nothing fails any more: everybody talks to everybody until each call is answered. Returns whether the cluster came to rest. */
export function heal(world: World): boolean {
  for (let round = 0; round < roundsMax; round += 1) {
    if (!world.leader || round % 12 === 0) electMaster(world, world.random.below(world.masters.length), 1);
    healRound(world);
    if (isAtRest(world)) return true;
  }
  return false;
}

function healRound(world: World): void {
  const { leader, stores, clients, lost } = world;
  if (!leader) return;
  for (const store of stores) {
    leader.believe(store.id, !lost.has(store.id));
    store.master = leader.id;
    store.register();
  }
  world.nowMs += world.options.leases ? 8 : 4;
  deliver(world, 400);
  for (const store of stores) store.requestLeases();
  for (const { groups, isUp, isRegistered } of stores)
    for (const group of groups) if (isUp && isRegistered && group.entry.released) reportAccepted(group);
  deliver(world, 200);
  for (const [partition, entry] of leader.view.entries.entries())
    if (leader.leads) healPartition(world, leader, partition, entry);
  deliver(world, 800);
  for (const store of stores) store.turn();
  for (const call of clients.open)
    clients.send(call, world.metadata.last.entries[call.partition]?.primary.store ?? 0);
  deliver(world, 400);
}

/** What a master and a primary do by timers. */
function healPartition(world: World, leader: Master, partition: number, entry: Entry): void {
  const { random, lost } = world;
  const { store } = entry.primary;
  const group = world.store(store).group(partition);
  const { primary } = group;
  if (lost.has(store) || isSuspect(leader.view, entry.primary)) return leader.failOver(partition, "healing");
  if (!primary || !world.store(store).isPrimaryOf(partition) || group.entry.epoch !== entry.epoch)
    return leader.sendTopology(store);
  const followers = [...primary.followers.values()];
  for (const [id, { isMatched }] of primary.followers) if (!isMatched) primary.hello(id);
  for (const backup of entry.backups) if (lost.has(backup.store)) primary.askDrop(backup);
  const isUnfinished =
    primary.isReleased || followers.some(({ isLearner, isLeaving }) => isLearner || isLeaving);
  if (isUnfinished && random.chance(0.3)) leader.rollBack(partition, "healing");
}

function deliver(world: World, count: number): void {
  for (let n = 0; n < count; n += 1) {
    const channel = world.network.pick(world.random);
    if (!channel) return;
    world.deliver(channel);
  }
}

function isAtRest({ clients, metadata, stores }: World): boolean {
  const isServed = metadata.last.entries.every(({ primary }, partition) => {
    const store = stores[primary.store];
    return store?.isPrimaryOf(partition) === true && store.group(partition).primary?.isServing === true;
  });
  return isServed && clients.open.length === 0;
}

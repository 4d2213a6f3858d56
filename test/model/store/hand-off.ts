import { type Member, isSame, membersOf, nextOf, without } from "../replica/entry.js";
import { compareVersions } from "../replica/version.js";
import { masterAddress, sideAddress, storeAddress } from "../world/address.js";
import type { PeerMessage } from "../world/message.js";
import type { Primary } from "./primary.js";
import type { ReplicaGroup } from "./replica-group.js";

type HandOver = Extract<PeerMessage, { readonly kind: "hand-over" }>;
type Nack = Extract<PeerMessage, { readonly kind: "nack" }>;

/** The primary of an armed entry hands over to the successor, without the master. From then on it serves nothing. */
export function releaseToSuccessor(group: ReplicaGroup, primary: Primary, target: number): void {
  const { successor, epoch } = group.entry;
  if (!successor || successor.store !== target || !primary.canRelease(successor)) return;
  primary.stop();
  group.world.observations.note(() => `${group.name} hands ${epoch} over to s${target}`);
  sendHandOver(group, successor);
}

/** RELEASE may be sent any number of times; reports of an accepted one go on until the master shows its entry. */
export function repeatHandOff(group: ReplicaGroup): void {
  const { primary, entry, world } = group;
  const { random, rules } = world;
  if (primary?.isReleased && entry.successor && random.chance(0.1)) {
    if (rules.keep("a released primary resumes by a NACK alone") || random.chance(0.5))
      sendHandOver(group, entry.successor);
    else primary.resume();
  }
  if (entry.released && random.chance(0.03)) reportAccepted(group);
}

function sendHandOver(group: ReplicaGroup, successor: Member): void {
  const { replica, store } = group;
  if (!replica) return;
  const message: HandOver = { ...group.head, kind: "hand-over", final: replica.version };
  group.world.network.send(sideAddress(store.id), storeAddress(successor.store), message);
}

/** The successor takes the one entry that the armed one allows, or refuses for good. */
export function handleHandOver(group: ReplicaGroup, message: HandOver): void {
  const { world, store, replica } = group;
  const { rules, random, observations } = world;
  if (group.entry.epoch > message.epoch) {
    if (group.primary?.followers.get(message.primary.store)?.isMatched === false)
      group.primary.hello(message.primary.store);
    if (group.primary || rules.keep("a RELEASE of a former epoch is ignored")) return;
    goBack(group, message);
  }
  const { entry } = group;
  if (entry.epoch < message.epoch || !isSame(entry.primary, message.primary) || !replica) return;
  const isNamed = rules.keep("the successor is the incarnation named")
    ? isSame(entry.successor, store.self)
    : entry.successor?.store === store.id;
  if (!isNamed) return;
  const isVoid = group.voidedEpoch === entry.epoch && rules.keep("a NACK voids the epoch");
  const lacksTail =
    compareVersions(replica.version, message.final) !== 0 && rules.keep("the successor has the whole tail");
  if (isVoid || lacksTail || random.chance(0.12)) {
    group.voidedEpoch = entry.epoch;
    const { partition, epoch } = message;
    observations.count("NACKs");
    return group.send(message.primary.store, { kind: "nack", partition, epoch, successor: store.self });
  }
  observations.count("hand-offs");
  observations.note(() => `${group.name} accepts ${entry.epoch + 1}`);
  group.learn(nextOf(entry, store.self, rules.keep("the former primary stays a backup")));
  group.primary?.accept(replica.version);
  assumeMatches(group, message);
  reportAccepted(group);
}

/** What a mutant does that accepts an old RELEASE: it forgets the entries since. */
function goBack(group: ReplicaGroup, { epoch, primary }: HandOver): void {
  const { entry, store } = group;
  const backups = without(membersOf(entry), primary.store);
  group.write({ entry: { ...entry, epoch, primary, backups, released: false, successor: store.self } });
}

/** What mutants do that count members as matched which have not answered. */
function assumeMatches(group: ReplicaGroup, { primary, final }: HandOver): void {
  const { rules } = group.world;
  for (const [store, follower] of group.primary?.followers ?? []) {
    const isAssumed =
      store === primary.store
        ? !rules.keep("RELEASE is no match")
        : !rules.keep("a successor waits for every match");
    if (!isAssumed) continue;
    follower.isMatched = true;
    follower.acknowledged = final;
  }
}

/** The successor has refused for good: the primary serves on at the same epoch, and the master disarms. */
export function handleNack(group: ReplicaGroup, { epoch, successor }: Nack): void {
  const { primary, entry, store } = group;
  if (!primary?.isReleased || !store.isPrimaryOf(group.partition) || entry.epoch !== epoch) return;
  if (!isSame(entry.successor, successor)) return;
  primary.resume();
  group.report("voided", successor);
}

/** Any store that knows of an accepted entry may say so. */
export function reportAccepted({ store, partition, entry, world }: ReplicaGroup): void {
  const report = { kind: "accepted", partition, epoch: entry.epoch } as const;
  world.network.send(storeAddress(store.id), masterAddress(store.master), report);
}

import { type Entry, type Member, without } from "../replica/entry.js";
import { type ReplicaState, applyWrite, logAbove } from "../replica/replica-state.js";
import { planSync } from "../replica/sync.js";
import { type Version, compareVersions, newerOf, olderOf, versionText } from "../replica/version.js";
import type { Write } from "../replica/write.js";
import { checkCommitted } from "../checkers/committed.js";
import { clientAddress, storeAddress } from "../world/address.js";
import { longAgo } from "../world/clock.js";
import type { Answer, PeerMessage } from "../world/message.js";
import { Violation } from "../world/observations.js";
import { type Follower, newFollower } from "./follower.js";
import type { ReplicaGroup } from "./replica-group.js";

/** A call whose answer waits for a commit. */
interface WaitingCall {
  readonly client: number;
  readonly version: Version;
  readonly answer: Answer;
}

type FromReplica<Kind> = Extract<PeerMessage, { readonly kind: Kind }>;

/** What a store does as the primary of a partition, from the entry that made it so. */
export class Primary {
  readonly followers = new Map<number, Follower>();
  readonly #group: ReplicaGroup;
  #waiting: WaitingCall[] = [];
  /** What it had when it began to serve: committed, whatever leases are out. */
  #base: Version;
  #committed: Version;
  /** Leases of former primaries may hold until then. */
  #waitUntil: number;
  hasServed = false;
  isServing = false;
  isReleased = false;

  constructor(group: ReplicaGroup, waitUntil: number, committed: Version) {
    this.#group = group;
    this.#waitUntil = waitUntil;
    this.#committed = committed;
    this.#base = committed;
    for (const { store, incarnation } of group.entry.backups)
      this.followers.set(store, newFollower(incarnation, false));
  }

  get committed(): Version {
    return this.#committed;
  }

  get hasCallsWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  get isWaitingForLeases(): boolean {
    return this.#group.store.clock.now() < this.#waitUntil;
  }

  /** The partition's replica, which a primary has. */
  get #replica(): ReplicaState {
    const { replica, name } = this.#group;
    if (replica === null) throw new Violation(`${name} is primary and has no replica`);
    return replica;
  }

  /** The first primary of a new cluster: everybody has its empty replica. */
  serveAtOnce(): void {
    this.hasServed = this.isServing = true;
    for (const follower of this.followers.values()) follower.isMatched = true;
  }

  /** Which stores every acknowledgement needs: the entry's backups, and learners that may have become backups. */
  required(): readonly number[] {
    const named = this.#group.entry.backups.map(({ store }) => store);
    if (!this.#group.world.rules.keep("a bound learner is required")) return named;
    const bound = [...this.followers].filter(([store, { isBound }]) => isBound && !named.includes(store));
    return [...named, ...bound.map(([store]) => store)];
  }

  /** A new epoch of the same primary. Sessions begin again. */
  continue(): void {
    const { entry } = this.#group;
    for (const [store, follower] of this.followers) {
      if (!entry.backups.some((member) => member.store === store)) this.followers.delete(store);
      follower.isLearner = follower.isBound = follower.isLeaving = false;
    }
    this.isServing = true;
    this.isReleased = false;
    for (const { store, incarnation } of entry.backups) {
      if (!this.followers.has(store)) this.followers.set(store, newFollower(incarnation, false));
    }
    this.helloAll();
    this.settle();
  }

  helloAll(): void {
    for (const store of this.followers.keys()) this.hello(store);
  }

  /** Begins a session with a replica, or begins it again. */
  hello(store: number): void {
    const follower = this.followers.get(store);
    if (!follower) return;
    follower.isMatched = false;
    const learner = follower.isLearner ? follower.incarnation : undefined;
    this.#group.send(store, { ...this.#group.head, kind: "hello", entry: this.#group.entry, learner });
  }

  /** The stream to a store has ended. */
  lose(store: number): void {
    const follower = this.followers.get(store);
    if (follower) follower.isMatched = false;
  }

  handleState({ replica, report }: FromReplica<"state">): void {
    const follower = this.followers.get(replica.store);
    if (!follower || (follower.isLearner && follower.incarnation !== replica.incarnation)) return;
    const state = this.#replica;
    if (report && compareVersions(report.committed, state.version) > 0) {
      const has = `${versionText(state.version)}, s${replica.store} has committed ${versionText(report.committed)}`;
      throw new Violation(`${this.#group.name} takes over with ${has}`);
    }
    follower.incarnation = replica.incarnation;
    if (!this.#group.world.rules.keep("valid waits for the match"))
      this.#reportValid(replica.store, follower);
    const sync = planSync(state, this.#committed, report, this.#group.world.rules);
    this.#group.world.observations.count(sync.kind === "full" ? "full copies" : "deltas");
    const toIncarnation = replica.incarnation;
    this.#group.send(replica.store, { ...this.#group.head, kind: "sync", toIncarnation, sync });
  }

  handleAck({ replica, version, isSync }: FromReplica<"ack">): void {
    const follower = this.followers.get(replica.store);
    if (!follower || follower.incarnation !== replica.incarnation) return;
    if (!isSync) follower.acknowledged = newerOf(follower.acknowledged, version);
    else if (compareVersions(this.#replica.logBase, version) > 0) this.hello(replica.store);
    else {
      follower.isMatched = true;
      follower.acknowledged = version;
      for (const write of logAbove(this.#replica, version)) this.#replicate(replica.store, write);
      this.tryServe();
    }
    this.settle();
  }

  /** Serves once everybody in the entry matches, and former leases are out. */
  tryServe(): void {
    const { world, entry, store, name } = this.#group;
    if (this.hasServed || this.isReleased) return;
    if (!entry.backups.every((member) => this.followers.get(member.store)?.isMatched)) return;
    if (!world.options.early && this.isWaitingForLeases) return;
    this.#base = this.#replica.version;
    this.hasServed = this.isServing = true;
    world.observations.note(() => `${name} serves ${entry.epoch} from ${versionText(this.#base)} on`);
    this.#commitTo(this.#base);
    if (store.isPrimaryOf(this.#group.partition)) this.settle();
  }

  /** The log's next write: to the own disk and to everybody who matches. */
  append(write: Write): void {
    const { world, replica } = this.#group;
    const { logMax, rules } = world;
    if (replica === null) return;
    this.#group.write({ replica: applyWrite(replica, write, { committed: this.#committed, logMax, rules }) });
    for (const [store, { isMatched }] of this.followers) if (isMatched) this.#replicate(store, write);
  }

  /** Answers a call once a version is committed. */
  answer(client: number, version: Version, answer: Answer): void {
    this.#waiting.push({ client, version, answer });
  }

  /** Commits what all required have, answers calls, and says to the master who has caught up. */
  settle(): void {
    this.advance();
    const { store, world, partition } = this.#group;
    this.#waiting = this.#waiting.filter(({ client, version, answer }) => {
      if (compareVersions(version, this.#committed) > 0) return true;
      world.network.send(storeAddress(store.id), clientAddress(client), answer);
      return false;
    });
    if (!store.isPrimaryOf(partition)) return;
    for (const [id, follower] of this.followers) if (follower.isMatched) this.#report(id, follower);
  }

  /** Moves `committed` up to what everybody required has acknowledged. */
  advance(): void {
    const { world, store, partition } = this.#group;
    if (!store.isPrimaryOf(partition)) return;
    const { rules } = world;
    const holds = this.isWaitingForLeases && rules.keep("early serving holds acknowledgements back");
    let reached = holds ? this.#base : this.#replica.version;
    for (const id of this.required()) {
      const follower = this.followers.get(id);
      if (!follower?.isMatched) return;
      if (follower.isLeaving && rules.keep("a backup to be dropped is not counted")) return;
      reached = olderOf(reached, follower.acknowledged);
    }
    this.#commitTo(reached);
  }

  addLearner(target: Member): void {
    const isBusy = [...this.followers.values()].some(({ isLearner }) => isLearner);
    if (!this.isServing || isBusy || this.followers.has(target.store)) return;
    this.followers.set(target.store, newFollower(target.incarnation, true));
    this.hello(target.store);
  }

  /** Whether a backup may be handed the partition: everything is committed, the backup matches, and no former lease is out. */
  canRelease(target: Member): boolean {
    if (!this.isServing) return false;
    this.settle();
    const follower = this.followers.get(target.store);
    if (!follower?.isMatched || follower.incarnation !== target.incarnation) return false;
    if (compareVersions(this.#committed, this.#replica.version) < 0 || this.hasCallsWaiting) return false;
    return !this.isWaitingForLeases || !this.#group.world.rules.keep("RELEASE waits for the former leases");
  }

  /** Serves nothing any more. */
  stop(): void {
    this.isReleased = true;
    this.isServing = false;
  }

  /** Serves again in the same epoch: the successor has refused for good. */
  resume(): void {
    this.isReleased = false;
    this.isServing = true;
  }

  /** A successor serves what was handed over to it at once; it commits nothing more until everybody matches. */
  accept(final: Version): void {
    this.#base = final;
    this.#committed = newerOf(this.#committed, final);
    this.hasServed = this.isServing = true;
  }

  /** RELEASE, once everything is committed: from then on the partition is served by nobody until there is a new entry. */
  release(target: number): void {
    const named = this.#group.entry.backups.find(({ store }) => store === target);
    if (!named || !this.canRelease(named)) return;
    this.stop();
    this.#group.world.observations.note(
      () => `${this.#group.name} releases ${this.#group.entry.epoch} to s${target}`,
    );
    this.#group.report("release", named);
  }

  /** Asks the master to drop a backup. What it alone may have is flushed here first, and its acknowledgements count no more. */
  askDrop(target: Member): void {
    const { store, world } = this.#group;
    if (world.rules.keep("a drop is asked after a flush")) store.disk.flush();
    const follower = this.followers.get(target.store);
    if (follower) follower.isLeaving = true;
    world.observations.count("drops");
    this.#group.report("drop", target);
  }

  #report(id: number, follower: Follower): void {
    const { world, entry } = this.#group;
    const { rules, random } = world;
    if (entry.backups.some(({ store }) => store === id)) return this.#reportValid(id, follower);
    if (!follower.isLearner) return;
    if (random.chance(0.5)) follower.isBound = true;
    const hasCaughtUp = compareVersions(follower.acknowledged, this.#committed) >= 0;
    const isReady = hasCaughtUp || !rules.keep("READY waits until the learner has caught up");
    if (follower.isBound && isReady)
      this.#group.reportOnce("ready", { store: id, incarnation: follower.incarnation });
  }

  /** A suspect backup is valid again once it matches: it was required all the while. */
  #reportValid(id: number, { incarnation }: Follower): void {
    const named = this.#group.entry.backups.find(({ store }) => store === id);
    if (named && named.incarnation !== incarnation)
      this.#group.reportOnce("valid", { store: id, incarnation });
  }

  #replicate(store: number, write: Write): void {
    const toIncarnation = this.followers.get(store)?.incarnation ?? 0;
    const committed = this.#committed;
    this.#group.send(store, { ...this.#group.head, kind: "replicate", toIncarnation, write, committed });
  }

  #commitTo(version: Version): void {
    if (compareVersions(version, this.#committed) <= 0) return;
    const { world, partition, entry, store } = this.#group;
    const backups = without(entry.backups, store.id).map((member) => member.store);
    const writes = logAbove(this.#replica, this.#committed).filter(
      (write) => compareVersions(write.version, version) <= 0,
    );
    checkCommitted(world, partition, writes, [store.id, ...backups]);
    this.#committed = version;
  }
}

/** Until when a primary waits that begins at an entry: not at all when the former one has released the partition. */
export function waitAtTakeOver(group: ReplicaGroup, entry: Entry): number {
  if (entry.released || !group.world.rules.keep("a take-over waits for the former leases")) return longAgo;
  return group.store.leases.waitFor(group.formers);
}

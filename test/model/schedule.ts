import { strike } from "./faults.js";
import type { ClientCall } from "./client/clients.js";
import type { Master } from "./master/master.js";
import { type Member, membersOf } from "./replica/entry.js";
import type { Channel } from "./world/network.js";
import type { Store } from "./store/store.js";
import type { World } from "./world/world.js";

/** Calls of one run; the checkers' work grows with them. */
const callsMax = { usual: 26, underLeases: 44 };

/** Drives a world at random: each step one thing happens, drawn by the seed. */
export class Schedule {
  readonly #world: World;
  /** How often what could go wrong does. */
  readonly #trouble: number;
  /** From this step to that one a store hears of no new entry. */
  readonly #deafFrom: number;
  readonly #deafTo: number;
  #deaf: Store["id"] | undefined;
  /** Streams that deliver nothing until a step: what they carry comes late. */
  readonly #stalled = new Map<Channel, number>();
  #now = 0;

  constructor(world: World) {
    this.#world = world;
    const { random, options } = world;
    this.#trouble = options.leases ? 0.03 : random.pick([0.12, 0.35, 1]);
    const isEverDeaf = options.leases || random.chance(0.5);
    this.#deafFrom = isEverDeaf ? 60 + random.below(300) : Infinity;
    this.#deafTo = this.#deafFrom + (options.leases ? 100 + random.below(250) : 40 + random.below(200));
  }

  run(): void {
    for (let step = 0; step < this.#world.options.steps; step += 1) this.#step(step);
  }

  #step(step: number): void {
    const { random, stores, options } = this.#world;
    this.#now = step;
    if (random.chance(0.01)) this.#stall();
    if (step === this.#deafFrom) this.#deafen();
    if (step === this.#deafTo) this.#deaf = undefined;
    if (this.#deaf !== undefined && options.leases) this.#callTheDeaf(this.#deaf);
    if (random.chance(0.4)) this.#world.nowMs += random.between(0, 3);
    for (const store of stores) store.turn();
    this.#meddle();
    if (options.armed && random.chance(0.12)) this.#handOff();
    this.#act(random.fraction());
  }

  #act(kind: number): void {
    const { random, clients, watchers } = this.#world;
    if (kind < 0.52) this.#deliver(2);
    else if (kind < 0.62) this.#beginCall();
    else if (kind < 0.68) {
      const { open } = clients;
      if (open.length > 0) this.#send(random.pick(open));
    } else if (kind < 0.78) this.#anyStore().requestLeases();
    else if (kind < 0.81) this.#knock(this.#anyStore());
    else if (kind < 0.835) {
      if (random.chance(this.#trouble)) strike(this.#world, this.#anyStore().id);
    } else if (kind < 0.85) this.#change();
    else if (kind < 0.955) this.#order(kind);
    else random.pick(watchers).poll();
  }

  /** A primary does not hear that another has taken its place. */
  #deafen(): void {
    const { random, options, metadata, leader } = this.#world;
    const partition = random.below(options.partitions);
    this.#deaf = metadata.last.entries[partition]?.primary.store;
    leader?.failOver(partition, "its primary is deaf");
  }

  /** Leases under test: calls come thick and fast, many to the deaf store, and its successors ask for its drop. */
  #callTheDeaf(deaf: number): void {
    const { random } = this.#world;
    this.#world.nowMs += random.between(0, 1.5);
    const kind = random.fraction();
    if (kind < 0.12) this.#callUnderLeases(deaf);
    else if (kind < 0.4) (random.chance(0.5) ? this.#world.store(deaf) : this.#anyStore()).requestLeases();
    else if (kind < 0.5) this.#askDrops(deaf, 1);
    else this.#deliver(3);
  }

  #callUnderLeases(deaf: number): void {
    const { random, clients, options, metadata } = this.#world;
    if (clients.calls.length >= callsMax.underLeases) return;
    const partition = random.below(options.partitions);
    const isWrite = random.chance(0.4);
    const call = clients.begin(clients.any(), { partition, key: `p${partition}k0`, isWrite, openMax: 3 });
    const primary = metadata.last.entries[partition]?.primary.store ?? 0;
    if (!call) return;
    if (isWrite) clients.send(call, primary);
    else clients.send(call, random.chance(0.7) ? deaf : this.#target(partition));
  }

  #beginCall(): void {
    const { random, clients, options } = this.#world;
    if (clients.calls.length >= callsMax.usual) return;
    const partition = random.below(options.partitions);
    const key = `p${partition}k${random.below(options.leases ? 1 : 2)}`;
    const call = clients.begin(clients.any(), { partition, key, isWrite: random.chance(0.55), openMax: 2 });
    if (call) this.#send(call);
  }

  #send(call: ClientCall): void {
    this.#world.clients.send(call, this.#target(call.partition));
  }

  /** Mostly the primary on record. */
  #target(partition: number): number {
    const { random, options, metadata } = this.#world;
    if (this.#deaf !== undefined && random.chance(0.4)) return this.#deaf;
    const { primary } = metadata.last.entries[partition] ?? {};
    return primary && random.chance(0.75) ? primary.store : random.below(options.stores);
  }

  #deliver(count: number): void {
    const { network, random } = this.#world;
    for (let n = 0; n < count; n += 1) {
      const channel = network.pick(random);
      if (!channel) return;
      if ((this.#stalled.get(channel) ?? 0) > this.#now) continue;
      const [first] = channel.messages;
      const isNews = first?.kind === "topology" || first?.kind === "hello";
      if (isNews && this.#deaf !== undefined && channel.to === `s${this.#deaf}` && random.chance(0.96))
        continue;
      if (channel.to.startsWith("m") && random.chance(0.05)) channel.messages.shift();
      else this.#world.deliver(channel);
    }
  }

  #stall(): void {
    const { network, random } = this.#world;
    const channel = network.pick(random);
    if (channel) this.#stalled.set(channel, this.#now + 20 + random.below(200));
  }

  /** A store asks for its incarnation, or its sessions, again. */
  #knock(store: Store): void {
    store.register();
    for (const { partition, primary } of store.groups) {
      if (!primary || !store.isPrimaryOf(partition)) continue;
      for (const [id, { isMatched }] of primary.followers) if (!isMatched) primary.hello(id);
    }
  }

  /** Masters that were deposed go on for a while. */
  #meddle(): void {
    const { random, options } = this.#world;
    if (random.chance(0.01)) this.#electMaster();
    const deposed = this.#deposed();
    if (!deposed || !random.chance(0.05)) return;
    const partition = random.below(options.partitions);
    if (random.chance(0.5)) deposed.failOver(partition, "failover by a deposed master");
    else deposed.rollBack(partition, "roll-back by a deposed master");
  }

  /** Entries are armed, handed over, and interrupted meanwhile. */
  #handOff(): void {
    const { random, options, leader, stores } = this.#world;
    const partition = random.below(options.partitions);
    if (!leader) return;
    const { primary, backups, successor, epoch } = leader.entry(partition);
    const kind = random.fraction();
    if (!successor) {
      if (kind < 0.6) leader.arm(partition);
    } else if (kind < 0.75) {
      leader.send(primary.store, { kind: "transfer-primary", partition, epoch, target: successor.store });
    } else if (kind < 0.79) leader.failOver(partition, "failover while armed");
    else if (kind < 0.83) leader.rollBack(partition, "rolled back while armed");
    else if (kind < 0.85) leader.arm(partition);
    else if (kind < 0.89 && !options.leases) strike(this.#world, random.pick([primary, successor]).store);
    else if (kind < 0.96) this.#askDropFrom(random.pick(stores), partition, random.pick(backups));
    else if (kind < 0.98) this.#electMaster();
  }

  #askDropFrom(store: Store, partition: number, named: Member): void {
    const { primary } = store.group(partition);
    const isStuck = primary?.followers.get(named.store)?.isMatched === false;
    if (isStuck && store.isPrimaryOf(partition)) primary.askDrop(named);
  }

  #change(): void {
    const { random, options, leader } = this.#world;
    if (!random.chance(Math.max(this.#trouble, 0.3))) return;
    if (leader && random.chance(0.7)) leader.failOver(random.below(options.partitions), "failover");
    else if (random.chance(0.4)) this.#electMaster();
  }

  #order(kind: number): void {
    const { random, options, leader } = this.#world;
    const partition = random.below(options.partitions);
    if (kind < 0.89) this.#addLearner(partition);
    else if (kind < 0.92) this.#transfer(partition);
    else if (kind < 0.935) {
      if (!leader || !random.chance(Math.max(this.#trouble, 0.3))) return;
      const { epoch } = leader.entry(partition);
      if (random.chance(0.6)) leader.rollBack(partition, "rolled back");
      else
        for (const { id } of this.#world.stores)
          leader.send(id, { kind: "delete-replica", partition, epoch });
    } else {
      this.#askDrop(partition);
      if (this.#deaf !== undefined) this.#askDrops(this.#deaf, 0.7);
      this.#anyStore().master = leader?.id ?? 0;
    }
  }

  #addLearner(partition: number): void {
    const { random, stores, leader } = this.#world;
    if (!leader) return;
    const entry = leader.entry(partition);
    const members = membersOf(entry).map(({ store }) => store);
    const free = stores.filter(({ id }) => !members.includes(id));
    if (free.length === 0 || members.length >= 3) return;
    const { id } = random.pick(free);
    const target = { store: id, incarnation: leader.view.incarnations[id] ?? 0 };
    leader.send(entry.primary.store, { kind: "add-learner", partition, epoch: entry.epoch, target });
  }

  #transfer(partition: number): void {
    const { random, leader, options } = this.#world;
    if (!leader) return;
    const { primary, backups, epoch, successor } = leader.entry(partition);
    if (backups.length === 0) return;
    if (options.armed) return successor ? undefined : leader.arm(partition);
    const target = random.pick(backups).store;
    leader.send(primary.store, { kind: "transfer-primary", partition, epoch, target });
  }

  /** A primary asks for the drop of a backup, for whatever reason. */
  #askDrop(partition: number): void {
    const { random } = this.#world;
    const store = this.#anyStore();
    const { primary, entry } = store.group(partition);
    const [first] = entry.backups;
    if (first && primary && store.isPrimaryOf(partition) && random.chance(this.#trouble / 2))
      primary.askDrop(first);
  }

  /** Primaries ask for the drop of a backup that does not answer. */
  #askDrops(id: number, probability: number): void {
    for (const store of this.#world.stores)
      for (const { partition, primary, entry } of store.groups) {
        if (!primary || !store.isPrimaryOf(partition) || !this.#world.random.chance(probability)) continue;
        const named = entry.backups.find((member) => member.store === id);
        if (named && !primary.followers.get(id)?.isMatched) primary.askDrop(named);
      }
  }

  #electMaster(): void {
    electMaster(this.#world, this.#world.random.below(this.#world.masters.length), 0.8);
  }

  #deposed(): Master | undefined {
    return this.#world.masters.find((master) => master.leads && !master.isLeader);
  }

  #anyStore(): Store {
    return this.#world.random.pick(this.#world.stores);
  }
}

/** Elects a master; so many of the stores hear of it. */
export function electMaster(world: World, id: number, share: number): void {
  world.observations.count("terms");
  world.masters[id]?.lead(world.metadata.elect());
  for (const store of world.stores) if (world.random.chance(share)) store.master = id;
}

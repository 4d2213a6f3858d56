import { type Member, isSame } from "../replica/entry.js";
import { type Address, masterAddress, numberOf, storeAddress } from "../world/address.js";
import type { DriftingClock } from "../world/clock.js";
import type { Disk } from "../world/disk.js";
import type { CallMessage, Directive, PeerMessage } from "../world/message.js";
import type { World } from "../world/world.js";
import { handleHello, handleReplicate, handleSync } from "./backup.js";
import { handleRead, handleWrite } from "./calls.js";
import { handleHandOver, handleNack, releaseToSuccessor, repeatHandOff } from "./hand-off.js";
import { Leases } from "./leases.js";
import { ReplicaGroup } from "./replica-group.js";

/** How a process of a store begins. */
export interface StoreStart {
  readonly id: number;
  readonly process: number;
  readonly disk: Disk;
  readonly clock: DriftingClock;
  /** Zero: not registered yet. */
  readonly incarnation: number;
  readonly isIntact: boolean;
}

/** One process of a store: its memory goes with it, the disk stays. */
export class Store {
  readonly world: World;
  readonly id: number;
  readonly process: number;
  readonly disk: Disk;
  readonly clock: DriftingClock;
  readonly leases: Leases;
  readonly groups: readonly ReplicaGroup[];
  /** No write of a former process was lost, as far as one knows that ended by a kill. */
  readonly isIntact: boolean;
  incarnation: number;
  isUp = true;
  /** The master that it talks to. */
  master = 0;
  #term = 0;
  #topologyVersion: number;

  constructor(world: World, { id, process, disk, clock, incarnation, isIntact }: StoreStart) {
    this.world = world;
    this.id = id;
    this.process = process;
    this.disk = disk;
    this.clock = clock;
    this.incarnation = incarnation;
    this.isIntact = isIntact;
    this.#topologyVersion = incarnation > 0 ? 1 : 0;
    this.leases = new Leases(clock, world.rules, world.leaseMs, incarnation === 0);
    this.groups = disk.content.map((_, partition) => new ReplicaGroup(this, partition));
  }

  get self(): Member {
    return { store: this.id, incarnation: this.incarnation };
  }

  get isRegistered(): boolean {
    return this.incarnation > 0;
  }

  group(partition: number): ReplicaGroup {
    return this.groups[partition] as ReplicaGroup;
  }

  isPrimaryOf(partition: number): boolean {
    const { entry, primary } = this.group(partition);
    return this.isUp && primary !== undefined && isSame(entry.primary, this.self);
  }

  /** Asks the master for an incarnation, until it has one. */
  register(): void {
    if (!this.isUp || this.isRegistered) return;
    this.world.network.send(storeAddress(this.id), masterAddress(this.master), {
      kind: "register",
      store: this.id,
      process: this.process,
      versions: this.disk.content.map(({ replica }) => replica?.version),
      epochs: this.disk.content.map(({ entry }) => entry.epoch),
      isIntact: this.isIntact,
    });
  }

  /** Asks all others for their leases. */
  requestLeases(): void {
    if (!this.isUp || !this.isRegistered) return;
    for (const { id, isUp } of this.world.stores) {
      if (id === this.id || !isUp) continue;
      this.world.network.send(storeAddress(this.id), storeAddress(id), {
        kind: "lease-request",
        primary: this.self,
        sentAt: this.clock.now(),
        topologyVersion: this.#topologyVersion,
      });
    }
  }

  /** What the passing of time allows. */
  turn(): void {
    for (const group of this.groups) {
      const { partition, primary } = group;
      if (this.world.options.armed && this.isUp && this.isRegistered) repeatHandOff(group);
      if (!primary || !this.isPrimaryOf(partition)) continue;
      primary.tryServe();
      primary.settle();
    }
  }

  handleDirective(directive: Directive): void {
    if (!this.isUp) return;
    if (directive.kind === "registered") {
      if (directive.process !== this.process || this.isRegistered) return;
      this.incarnation = directive.incarnation;
      this.#term = Math.max(this.#term, directive.term);
      this.world.observations.note(() => `s${this.id} is registered as i${this.incarnation}`);
      return;
    }
    if (!this.isRegistered || directive.term < this.#term) return;
    this.#term = directive.term;
    if (directive.kind === "topology") {
      for (const [partition, entry] of directive.entries.entries()) this.group(partition).learn(entry);
      this.#topologyVersion = Math.max(this.#topologyVersion, directive.topologyVersion);
      return;
    }
    this.#handleOrder(directive);
  }

  #handleOrder(order: Exclude<Directive, { readonly kind: "registered" | "topology" }>): void {
    const group = this.group(order.partition);
    const primary = this.isPrimaryOf(order.partition) ? group.primary : undefined;
    const isPresent = group.entry.epoch === order.epoch;
    switch (order.kind) {
      case "add-learner":
        if (isPresent) primary?.addLearner(order.target);
        break;
      case "transfer-primary":
        if (!isPresent || !primary) return;
        if (this.world.options.armed) releaseToSuccessor(group, primary, order.target);
        else primary.release(order.target);
        break;
      case "report-replica":
        if (group.entry.epoch <= order.epoch + (order.isArmed ? 1 : 0))
          this.#reportReplica(group, order.epoch, order.round);
        break;
      case "delete-replica":
        group.deleteReplica(order.epoch);
    }
  }

  #reportReplica({ partition, replica }: ReplicaGroup, epoch: number, round: number): void {
    this.world.network.send(storeAddress(this.id), masterAddress(this.master), {
      kind: "replica-report",
      partition,
      epoch,
      round,
      replica: this.self,
      version: replica?.version,
    });
  }

  handlePeer(from: Address, message: PeerMessage): void {
    if (!this.isUp || !this.isRegistered) return;
    switch (message.kind) {
      case "hello":
        return handleHello(this.group(message.partition), message);
      case "sync":
        return handleSync(this.group(message.partition), message);
      case "replicate":
        return handleReplicate(this.group(message.partition), message);
      case "hand-over":
        return handleHandOver(this.group(message.partition), message);
      case "nack":
        return handleNack(this.group(message.partition), message);
      case "state":
      case "ack":
        return this.#handleReplica(message);
      case "lease-request": {
        const { primary, sentAt, topologyVersion } = message;
        if (!this.leases.grant(primary.store, topologyVersion)) return;
        return this.world.network.send(storeAddress(this.id), from, {
          kind: "lease-grant",
          grantor: this.id,
          primaryIncarnation: primary.incarnation,
          sentAt,
        });
      }
      case "lease-grant":
        if (message.primaryIncarnation === this.incarnation)
          this.leases.take(message.grantor, message.sentAt);
    }
  }

  #handleReplica(message: Extract<PeerMessage, { readonly kind: "state" | "ack" }>): void {
    const { primary, entry } = this.group(message.partition);
    if (!primary || !this.isPrimaryOf(message.partition)) return;
    if (message.primaryIncarnation !== this.incarnation) return;
    const isPresent = message.epoch === entry.epoch;
    if (message.kind === "state") {
      if (isPresent) primary.handleState(message);
    } else if (isPresent || !this.world.rules.keep("acknowledgements count in their epoch alone"))
      primary.handleAck(message);
  }

  handleCall(from: Address, call: CallMessage): void {
    if (!this.isUp || !this.isPrimaryOf(call.partition)) return;
    const group = this.group(call.partition);
    if (call.kind === "write") handleWrite(group, call);
    else handleRead(group, call, numberOf(from));
  }
}

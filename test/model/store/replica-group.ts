import { checkEntry } from "../checkers/entries.js";
import { type Entry, type Member, entryText, isSame, memberOf } from "../replica/entry.js";
import type { ReplicaState } from "../replica/replica-state.js";
import { zeroVersion } from "../replica/version.js";
import { masterAddress, storeAddress } from "../world/address.js";
import type { DiskPartition } from "../world/disk.js";
import type { PeerMessage } from "../world/message.js";
import type { World } from "../world/world.js";
import { Primary, waitAtTakeOver } from "./primary.js";
import type { Store } from "./store.js";

/** A replica's session with its primary: it takes writes of no other. */
export interface Session {
  readonly epoch: number;
  readonly primary: Member;
  /** A sync was applied: writes follow it. */
  isLive: boolean;
}

/** A partition on a store: its replica on the disk, and what the store is in the partition's entry. */
export class ReplicaGroup {
  readonly store: Store;
  readonly partition: number;
  /** Leases that this store granted to former primaries, with their ends. */
  readonly formers = new Map<number, number>();
  readonly #reported = new Set<string>();
  primary: Primary | undefined;
  session: Session | undefined;
  /** This process has refused to be the successor that this epoch names, and always will. */
  voidedEpoch = 0;

  constructor(store: Store, partition: number) {
    this.store = store;
    this.partition = partition;
  }

  get world(): World {
    return this.store.world;
  }

  get entry(): Entry {
    return this.store.disk.partition(this.partition).entry;
  }

  get replica(): ReplicaState | null {
    return this.store.disk.partition(this.partition).replica;
  }

  /** For traces and violations. */
  get name(): string {
    return `s${this.store.id} p${this.partition}`;
  }

  /** What each message to a replica begins with. */
  get head(): { readonly partition: number; readonly epoch: number; readonly primary: Member } {
    return { partition: this.partition, epoch: this.entry.epoch, primary: this.store.self };
  }

  write(change: Partial<DiskPartition>): void {
    this.store.disk.write(this.partition, change);
    if (change.replica) this.world.stored.add(this.store.id, this.partition, change.replica);
  }

  send(to: number, message: PeerMessage): void {
    this.world.network.send(storeAddress(this.store.id), storeAddress(to), message);
  }

  /** Reports to the master as this partition's primary. */
  report(kind: "ready" | "valid" | "release" | "drop" | "voided", subject: Member): void {
    const { id, master } = this.store;
    this.world.network.send(storeAddress(id), masterAddress(master), { ...this.head, kind, subject });
  }

  /** The same, only now and then until the next epoch: every turn would flood the master. */
  reportOnce(kind: "ready" | "valid", subject: Member): void {
    const name = `${kind} ${subject.store} ${subject.incarnation}`;
    if (this.#reported.has(name) && !this.world.random.chance(0.02)) return;
    this.#reported.add(name);
    this.report(kind, subject);
  }

  /** Takes up a newer entry. */
  learn(entry: Entry): void {
    const former = this.entry;
    if (entry.epoch < former.epoch) return;
    const isOwn = isSame(entry.primary, this.store.self);
    if (entry.epoch === former.epoch) {
      if (isOwn && !this.primary) this.#begin();
      return;
    }
    this.#noteFormer(former, entry);
    checkEntry(this.world, this.partition, entry);
    this.write({ entry });
    this.world.observations.note(() => `${this.name} learns ${entryText(entry)}`);
    this.session = undefined;
    this.#reported.clear();
    if (!isOwn) this.primary = undefined;
    else if (this.primary?.hasServed) this.primary.continue();
    else this.#begin();
  }

  /** What this store granted to the former primary is not renewed before that one knows of the change, and waited for if this store ever takes over. */
  #noteFormer(former: Entry, entry: Entry): void {
    const { store } = former.primary;
    const { leases, id } = this.store;
    const wasBackup = former.backups.some((member) => member.store === id) || this.session !== undefined;
    const isTaken = entry.primary.store !== store || !entry.backups.some((member) => member.store === id);
    if (wasBackup && store !== id && isTaken) leases.require(store, entry.topologyVersion);
    if (entry.released) this.formers.clear();
    else if (former.released && !this.world.rules.keep("leases of a successor are waited for")) return;
    else if (store !== id && store !== entry.primary.store) {
      this.formers.set(store, Math.max(leases.grantedTo(store), this.formers.get(store) ?? -Infinity));
    } else if (store === id && !this.world.rules.keep("a drop keeps the wait for leases"))
      this.formers.clear();
  }

  #begin(): void {
    const { entry, replica } = this;
    this.primary = new Primary(this, waitAtTakeOver(this, entry), replica?.committed ?? zeroVersion);
    this.primary.helloAll();
    this.primary.tryServe();
  }

  /** Deletes a replica that no entry knows. A session keeps it: a rejoin goes on from what is there. */
  deleteReplica(epoch: number): void {
    if (this.entry.epoch !== epoch || memberOf(this.entry, this.store.id)) return;
    if (this.session && this.world.rules.keep("a session blocks the deletion of its replica")) return;
    this.write({ replica: null });
  }
}

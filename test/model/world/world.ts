import { SeededRandom } from "../../simulation/world/random.js";
import { StoredWrites } from "../checkers/stored.js";
import { Clients } from "../client/clients.js";
import { Watcher } from "../client/watcher.js";
import type { ClusterView } from "../master/cluster-view.js";
import { Master } from "../master/master.js";
import { MetadataLog } from "../master/metadata-log.js";
import type { ModelOptions } from "../options.js";
import { type Entry, membersOf } from "../replica/entry.js";
import { emptyReplica } from "../replica/replica-state.js";
import type { Rules } from "../rules.js";
import { Store } from "../store/store.js";
import { numberOf } from "./address.js";
import { DriftingClock } from "./clock.js";
import { Disk } from "./disk.js";
import type { Answer, CallMessage, Directive, Message, PeerMessage, StoreReport } from "./message.js";
import { type Channel, Network } from "./network.js";
import { Observations } from "./observations.js";

/** How long a lease is used, by the clock of its user; with leases under test it outlives many steps. */
const leaseMs = { usual: 30, underTest: 60 };

/** A cluster, its clients and its masters, with everything between them. What happens is up to who drives it. */
export class World {
  readonly options: ModelOptions;
  readonly rules: Rules;
  readonly random: SeededRandom;
  readonly network = new Network();
  readonly stored = new StoredWrites();
  readonly observations: Observations;
  readonly metadata: MetadataLog;
  readonly masters: readonly Master[];
  readonly stores: Store[] = [];
  readonly clients: Clients;
  readonly watchers: readonly Watcher[];
  /** Records of a log before it is trimmed. */
  readonly logMax: number;
  /** Stores that never come back. */
  readonly lost = new Set<number>();
  readonly #clocks: readonly DriftingClock[];
  #ticks = 0;
  /** True time, which nobody in the cluster knows. */
  nowMs = 0;

  constructor(seed: number, options: ModelOptions, rules: Rules, keepsTrace = false) {
    this.options = options;
    this.rules = rules;
    this.random = new SeededRandom(seed);
    this.observations = new Observations(keepsTrace);
    this.logMax = 1 + this.random.below(6);
    this.#clocks = Array.from(
      { length: options.stores },
      () => new DriftingClock(() => this.nowMs, this.random, options.drift),
    );
    const view = firstView(options);
    this.metadata = new MetadataLog(rules, view);
    for (let id = 0; id < options.stores; id += 1) this.stores.push(this.#firstProcess(id, view.entries));
    this.masters = [new Master(this, 0), new Master(this, 1)];
    this.masters[0]?.lead(this.metadata.term);
    this.clients = new Clients(this, 2);
    this.watchers = view.entries.map((_, partition) => new Watcher(this, partition));
    for (const [partition, entry] of view.entries.entries()) this.#serveAtOnce(partition, entry);
  }

  get leaseMs(): number {
    return this.options.leases ? leaseMs.underTest : leaseMs.usual;
  }

  /** The master that was elected last; undefined: it has stood back. */
  get leader(): Master | undefined {
    return this.masters.find((master) => master.isLeader);
  }

  store(id: number): Store {
    return this.stores[id] as Store;
  }

  /** A number that was never given before, and grows. */
  tick(): number {
    this.#ticks += 1;
    return this.#ticks;
  }

  /** Ends a store's process and begins another on its disk, or on what a power cut left of it. Streams from and to it end. */
  restart(id: number, disk: Disk, isIntact: boolean): void {
    const former = this.store(id);
    const own: readonly string[] = [`s${id}`, `x${id}`];
    former.isUp = false;
    this.network.cut((from, to) => own.includes(from) || own.includes(to));
    for (const { groups } of this.stores) for (const { primary } of groups) primary?.lose(id);
    const store = this.#process(id, disk, { incarnation: 0, isIntact });
    store.master = this.leader?.id ?? 0;
    store.isUp = !this.lost.has(id);
    this.stores[id] = store;
    store.register();
  }

  /** Hands the next message of a channel to its receiver. */
  deliver({ from, to, messages }: Channel): void {
    const message = messages.shift();
    if (!message) return;
    this.observations.note(() => `  ${from} > ${to} ${messageText(message)}`);
    if (to.startsWith("c")) this.clients.handleAnswer(from, message as Answer);
    else if (to.startsWith("m")) this.masters[numberOf(to)]?.handle(message as StoreReport);
    else if (from.startsWith("m")) this.store(numberOf(to)).handleDirective(message as Directive);
    else if (from.startsWith("c")) this.store(numberOf(to)).handleCall(from, message as CallMessage);
    else this.store(numberOf(to)).handlePeer(from, message as PeerMessage);
  }

  #firstProcess(id: number, entries: readonly Entry[]): Store {
    const content = entries.map((entry) => {
      const isMember = membersOf(entry).some(({ store }) => store === id);
      return { entry, replica: isMember ? emptyReplica : null };
    });
    return this.#process(id, new Disk(content), { incarnation: 1, isIntact: true });
  }

  #process(
    id: number,
    disk: Disk,
    start: { readonly incarnation: number; readonly isIntact: boolean },
  ): Store {
    const clock = this.#clocks[id] as DriftingClock;
    return new Store(this, { id, process: this.tick(), disk, clock, ...start });
  }

  #serveAtOnce(partition: number, entry: Entry): void {
    const group = this.store(entry.primary.store).group(partition);
    group.learn(entry);
    group.primary?.serveAtOnce();
    for (const { store } of entry.backups)
      this.store(store).group(partition).session = { epoch: 1, primary: entry.primary, isLive: true };
  }
}

/** A new cluster: the replicas of each partition on neighbours, all registered. */
function firstView({ stores, partitions, factor }: ModelOptions): ClusterView {
  const entries = Array.from({ length: partitions }, (_, partition): Entry => {
    const members = Array.from({ length: factor }, (__, at) => ({
      store: (partition + at) % stores,
      incarnation: 1,
    }));
    const [primary, ...backups] = members as [(typeof members)[number], ...typeof members];
    return { epoch: 1, primary, backups, topologyVersion: 1, released: false };
  });
  const ofStores = (value: number): number[] => Array.from({ length: stores }, () => value);
  return { topologyVersion: 1, incarnations: ofStores(1), processes: ofStores(0), entries };
}

function messageText(message: Message): string {
  return JSON.stringify(message, (name, value: unknown) => {
    if (name === "lineage" || name === "entries" || name === "state") return undefined;
    return value instanceof Map ? [...(value as ReadonlyMap<unknown, unknown>)] : value;
  });
}

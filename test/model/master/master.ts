import { checkEntry } from "../checkers/entries.js";
import {
  type Entry,
  type Member,
  entryText,
  isSame,
  memberOf,
  membersOf,
  nextOf,
  without,
} from "../replica/entry.js";
import { masterAddress, storeAddress } from "../world/address.js";
import type { Directive, PrimaryReport, StoreReport } from "../world/message.js";
import type { World } from "../world/world.js";
import { type ClusterView, type ViewChange, withChange } from "./cluster-view.js";
import {
  type ElectionReport,
  type FailoverChoice,
  type NextEntry,
  isSuspect,
  needsElection,
  planElection,
  planFailover,
} from "./failover.js";
import { incarnationsNamed, planRegistration } from "./registration.js";

type Report<Kind> = Extract<StoreReport, { readonly kind: Kind }>;

/** A directive without its term. */
type Order<T = Directive> = T extends Directive ? Omit<T, "term"> : never;

/** A round of questions to all members of an entry, none of whom is clean. */
interface ElectionRound {
  readonly number: number;
  readonly epoch: number;
  readonly reports: Map<number, ElectionReport>;
}

/** A master: it leads, or stands by, or does not know yet that another leads. */
export class Master {
  readonly id: number;
  readonly #world: World;
  #term = 0;
  /** The number of its next record. */
  #next = 0;
  #view: ClusterView;
  readonly #dead = new Set<number>();
  readonly #rounds = new Map<number, ElectionRound>();
  readonly #registered = new Map<number, Report<"register">>();

  constructor(world: World, id: number) {
    this.id = id;
    this.#world = world;
    this.#view = world.metadata.last;
  }

  /** Whether it believes that it leads. */
  get leads(): boolean {
    return this.#term > 0;
  }

  /** Whether it was elected last. */
  get isLeader(): boolean {
    return this.#term === this.#world.metadata.term;
  }

  get view(): ClusterView {
    return this.#view;
  }

  entry(partition: number): Entry {
    return this.#view.entries[partition] as Entry;
  }

  /** Leads in a term of its own, from what is on record. */
  lead(term: number): void {
    const { metadata, rules, observations } = this.#world;
    this.#term = term;
    this.#next = metadata.next;
    if (rules.keep("a leader reads the log first")) this.#view = metadata.last;
    if (!rules.keep("incarnations are persisted"))
      this.#view = { ...this.#view, incarnations: incarnationsNamed(this.#view) };
    this.#rounds.clear();
    this.#registered.clear();
    this.#dead.clear();
    observations.note(() => `m${this.id} leads in term ${term}`);
    this.#sendTopology();
  }

  /** It has found a store dead, or alive again. */
  believe(store: number, isAlive: boolean): void {
    if (isAlive) this.#dead.delete(store);
    else this.#dead.add(store);
  }

  /** Gives a partition to another of its members: by itself, or after all have said what they have. */
  failOver(partition: number, why: string): void {
    const entry = this.entry(partition);
    const next = planFailover(this.#view, entry, this.#choice);
    if (next) {
      if (this.#change(partition, next, why)) this.#world.observations.count("failovers");
    } else if (needsElection(this.#view, entry)) {
      const number = this.#world.tick();
      this.#rounds.set(partition, { number, epoch: entry.epoch, reports: new Map() });
      const isArmed = entry.successor !== undefined;
      const order = {
        kind: "report-replica",
        partition,
        epoch: entry.epoch,
        round: number,
        isArmed,
      } as const;
      for (const { store } of membersOf(entry)) this.send(store, order);
    }
  }

  /** Ends a move or a hand-off: the same members at the next epoch. */
  rollBack(partition: number, why: string): void {
    const { primary, backups } = this.entry(partition);
    const kept = this.#world.rules.keep("a roll-back keeps the backups") ? backups : [];
    this.#change(partition, { primary, backups: kept, released: false }, why);
  }

  /** Names a clean backup as the one that the primary may hand over to by itself. */
  arm(partition: number): void {
    const { primary, backups, successor } = this.entry(partition);
    const { random, rules, observations } = this.#world;
    const fit = backups.filter((member) => !this.#dead.has(member.store) && !isSuspect(this.#view, member));
    if (fit.length === 0) return;
    const isAgain = successor !== undefined && !rules.keep("arming again is a new epoch");
    const next = { primary, backups, released: false, successor: random.pick(fit) };
    if (this.#change(partition, next, "armed", isAgain ? 0 : undefined)) observations.count("armed");
  }

  /** The successor has taken the one entry that the armed one allows: it goes on record. Returns whether this master still leads. */
  #adopt(partition: number): boolean {
    const armed = this.entry(partition);
    if (!armed.successor) return true;
    const { rules, observations } = this.#world;
    const next = nextOf(armed, armed.successor, rules.keep("the former primary stays a backup"));
    observations.count("adopted");
    return this.#change(partition, next, "adopted", 1);
  }

  send(store: number, order: Order): void {
    this.#world.network.send(masterAddress(this.id), storeAddress(store), { ...order, term: this.#term });
  }

  sendTopology(store: number): void {
    const { topologyVersion, entries } = this.#view;
    this.send(store, { kind: "topology", topologyVersion, entries });
  }

  handle(report: StoreReport): void {
    if (!this.leads) return;
    if (report.kind !== "register" && report.kind !== "replica-report") {
      const { successor, epoch } = this.entry(report.partition);
      if (successor && report.epoch === epoch + 1 && !this.#adopt(report.partition)) return;
    }
    switch (report.kind) {
      case "accepted":
        return;
      case "register":
        return this.#handleRegister(report);
      case "replica-report":
        return this.#handleReplicaReport(report);
      case "ready":
      case "valid":
      case "release":
      case "drop":
      case "voided": {
        const { primary } = this.entry(report.partition);
        const isPresent = report.epoch === this.entry(report.partition).epoch;
        if (!isPresent || !isSame(primary, report.primary) || isSuspect(this.#view, primary)) return;
        return this.#handlePrimary(report, this.entry(report.partition));
      }
    }
  }

  #handlePrimary(report: PrimaryReport, entry: Entry): void {
    const { kind, partition, subject } = report;
    const { primary, backups } = entry;
    const named = backups.find(({ store }) => store === subject.store);
    const isPresent = !isSuspect(this.#view, subject);
    const { rules, observations } = this.#world;
    if (kind === "ready") {
      if (memberOf(entry, subject.store)) return;
      if (entry.successor && rules.keep("no backup is added to an armed entry")) return;
      if (!isPresent && rules.keep("READY names the learner's incarnation")) return;
      const added: Member = {
        store: subject.store,
        incarnation: this.#view.incarnations[subject.store] ?? 0,
      };
      const next = { primary, backups: [...backups, added], released: false };
      if (this.#change(partition, next, kind)) observations.count("replicas added");
    } else if (kind === "valid") {
      const renamed = backups.map((member) => (member === named ? subject : member));
      if (named && isPresent) this.#change(partition, { primary, backups: renamed, released: false }, kind);
    } else if (kind === "release") {
      if (!isSame(named, subject) || !isPresent) return;
      const next = {
        primary: subject,
        backups: [...without(backups, subject.store), primary],
        released: true,
      };
      if (this.#change(partition, next, kind)) observations.count("hand-offs");
    } else if (kind === "voided") {
      if (entry.successor) this.rollBack(partition, kind);
    } else if (named) {
      this.#change(partition, { primary, backups: without(backups, subject.store), released: false }, kind);
    }
  }

  #handleRegister(report: Report<"register">): void {
    const { store, process, isIntact } = report;
    if (this.#view.processes[store] !== process) {
      const { options, rules } = this.#world;
      const renames =
        options.renames && (isIntact || !rules.keep("only an intact store is renamed in place"));
      if (!this.#commit(planRegistration(this.#view, store, process, renames))) return;
    }
    const incarnation = this.#view.incarnations[store] ?? 0;
    this.send(store, { kind: "registered", process, incarnation });
    this.sendTopology(store);
    this.#dead.delete(store);
    this.#registered.set(store, report);
    this.#settleArmed(report);
    for (const [partition, { primary }] of this.#view.entries.entries()) {
      if (!this.#world.rules.keep("an election asks afresh") && this.#electByRegistrations(partition))
        continue;
      if (this.leads && primary.store === store && isSuspect(this.#view, primary))
        this.failOver(partition, "its primary is back");
    }
  }

  /** A store that comes back has accepted, or can be successor no more. */
  #settleArmed({ store, epochs }: Report<"register">): void {
    for (const [partition, { successor, primary, epoch }] of this.#view.entries.entries()) {
      if (!successor || !this.leads) continue;
      if (epochs[partition] === epoch + 1) this.#adopt(partition);
      else if (
        successor.store === store &&
        isSuspect(this.#view, successor) &&
        !isSuspect(this.#view, primary)
      )
        this.rollBack(partition, "the successor is back");
    }
  }

  #handleReplicaReport({ partition, epoch, round, replica, version }: Report<"replica-report">): void {
    const present = this.#rounds.get(partition);
    if (present?.number !== round || present.epoch !== epoch) return;
    present.reports.set(replica.store, { incarnation: replica.incarnation, version });
    this.#elect(partition, present.reports);
  }

  /** What a mutant goes by: the versions that the stores had when they registered. */
  #electByRegistrations(partition: number): boolean {
    if (!this.leads || !needsElection(this.#view, this.entry(partition))) return false;
    const reports = [...this.#registered].map(([store, { versions }]) => {
      const incarnation = this.#view.incarnations[store] ?? 0;
      return [store, { incarnation, version: versions[partition] }] as const;
    });
    return this.#elect(partition, new Map(reports));
  }

  #elect(partition: number, reports: ReadonlyMap<number, ElectionReport>): boolean {
    const entry = this.entry(partition);
    const round = this.#rounds.get(partition);
    if (round && round.epoch !== entry.epoch) return false;
    const next = planElection(this.#view, entry, reports, this.#world.rules);
    if (!next) return false;
    this.#rounds.delete(partition);
    this.#world.observations.count("elections");
    return this.#change(partition, next, "elected");
  }

  get #choice(): FailoverChoice {
    const { random, rules } = this.#world;
    return {
      isAlive: (store) => !this.#dead.has(store),
      pick: (items) => random.pick(items),
      rules,
    };
  }

  /** Commits the next entry. From an armed one it is two epochs on: the one between is the successor's. */
  #change(partition: number, next: NextEntry, why: string, epochs?: number): boolean {
    const former = this.entry(partition);
    const { observations, rules } = this.#world;
    const skips = former.successor && rules.keep("an armed entry is left by two epochs");
    const entry: Entry = { ...next, epoch: former.epoch + (epochs ?? (skips ? 2 : 1)), topologyVersion: 0 };
    observations.note(() => `m${this.id} (${this.#term}) p${partition} ${why}: ${entryText(entry)}`);
    return this.#commit({ entries: this.#view.entries.with(partition, entry) });
  }

  /** Whether the change is on record, and this master still leads. */
  #commit(change: ViewChange): boolean {
    const { metadata, random, observations } = this.#world;
    const view = withChange(this.#view, change);
    const isOnRecord = metadata.append(this.#term, this.#next, view);
    // Without an answer it does not know whether the record is there: it stands back and reads the log again.
    if (!isOnRecord || random.chance(0.03)) {
      this.#term = 0;
      observations.note(() => `m${this.id} stands back: ${isOnRecord ? "outcome unknown" : "deposed"}`);
      return false;
    }
    for (const [partition, entry] of view.entries.entries())
      if (entry !== this.entry(partition)) checkEntry(this.#world, partition, entry);
    this.#next += 1;
    this.#view = view;
    this.#sendTopology();
    return true;
  }

  #sendTopology(): void {
    for (const { id } of this.#world.stores) this.sendTopology(id);
  }
}

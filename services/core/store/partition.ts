import { PartitionDigest } from "../digest.js";
import type { EkvError } from "../errors.js";
import { type Epoch, type Generation, type PartitionId, brandAs } from "../ids.js";
import type { PartitionEntry } from "../topology.js";
import type { Follower } from "./follower.js";
import { Overlay } from "./overlay.js";

/** A call that waits for a hand-off to end. */
export interface ParkedCall {
  /** Tries again; finds the partition open, or gone. */
  resume(): void;
  /** The wait took too long, or the store stops. */
  giveUp(error: EkvError): void;
  /** Monotonic milliseconds after which it is given up. */
  readonly deadlineMs: number;
}

interface Dependent {
  readonly seq: number;
  readonly run: () => void;
}

/**
 * What a store knows of one partition: its entry, the counters of its live generation, writes in flight, and the
 * gates that calls pass. Holds no data of its own; `KVMap` moves it.
 */
export class Partition {
  readonly id: PartitionId;
  /** The newest entry seen, ours or not. */
  entry: PartitionEntry | undefined;
  /** The generation that is served, or undefined when this store holds no live data of the partition. */
  generation: Generation | undefined;
  /** Last seq assigned. */
  seq = 0;
  /** Last seq that is durable here. */
  localSeq = 0;
  /** Of the live generation with every assigned write applied. */
  digest: PartitionDigest = new PartitionDigest();
  readonly overlay: Overlay = new Overlay();
  follower: Follower | undefined;
  /** How often writes in flight were undone: what was concluded from them then holds no longer. */
  undone = 0;

  /** Whether linearizable reads are answered here now. */
  readable = false;
  /** Whether writes are taken here now. */
  writable = false;
  /** The paper's flag, of this partition alone: its hand-off is under way and new calls wait. */
  isMigrating = false;
  /** The epoch at which this store promised to serve the partition no more; only a higher one lifts it. */
  releasedEpoch: Epoch = brandAs<Epoch>(0);
  /** The epoch at which a local failure stopped writes; only a higher one lifts it. */
  failedEpoch: Epoch = brandAs<Epoch>(0);

  /** The copy that a move brings here: not live yet, and `complete` once all of it is stored. */
  incoming: { readonly complete: boolean } | undefined;
  /** Why the newest entry is not on the disk yet: until it is, no writes are taken here. */
  unrecorded: EkvError | undefined;

  #parked: ParkedCall[] = [];
  #dependents: Dependent[] = [];

  constructor(id: PartitionId) {
    this.id = id;
  }

  get epoch(): Epoch {
    return this.entry?.epoch ?? brandAs<Epoch>(0);
  }

  /** Everything up to here is durable at every replica that acknowledgements need. */
  get committedSeq(): number {
    const follower = this.follower;
    return follower?.required ? Math.min(this.localSeq, follower.ackedSeq) : this.localSeq;
  }

  /** Whether no write is in flight: assigned, and not yet committed. */
  get drained(): boolean {
    return this.committedSeq >= this.seq && this.#dependents.length === 0;
  }

  get parkedCalls(): number {
    return this.#parked.length;
  }

  /** Runs `run` as soon as everything up to `seq` is committed: at once, if it is. */
  whenCommitted(seq: number, run: () => void): void {
    if (this.committedSeq >= seq) run();
    else this.#dependents.push({ seq, run });
  }

  /** Runs what waited for commits that have happened. */
  settle(): void {
    if (this.#dependents.length === 0) return;
    const committed = this.committedSeq;
    const due = this.#dependents.filter((dependent) => dependent.seq <= committed);
    if (due.length === 0) return;
    this.#dependents = this.#dependents.filter((dependent) => dependent.seq > committed);
    for (const dependent of due) dependent.run();
  }

  park(call: ParkedCall): void {
    this.#parked.push(call);
  }

  /** Lets every parked call try again. */
  resumeParked(): void {
    const calls = this.#parked;
    this.#parked = [];
    for (const call of calls) call.resume();
  }

  /** Gives up the parked calls whose deadline passed, or all with `nowMs` = Infinity. Returns how many. */
  giveUpParked(nowMs: number, error: EkvError): number {
    const due = this.#parked.filter((call) => call.deadlineMs <= nowMs);
    if (due.length === 0) return 0;
    this.#parked = this.#parked.filter((call) => call.deadlineMs > nowMs);
    for (const call of due) call.giveUp(error);
    return due.length;
  }
}

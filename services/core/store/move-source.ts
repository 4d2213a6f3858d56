import type { PartitionDigest } from "../digest.js";
import type { MoveId, PartitionId } from "../ids.js";
import { limits } from "../limits.js";
import { type Version, compareVersions } from "../topology.js";
import { formatNoun } from "../noun-count.js";

/** Why a move was given up at a store; the names of the wire's NackReason. */
export type NackReason =
  | "CHECKSUM"
  | "DIGEST_MISMATCH"
  | "STORAGE_FULL"
  | "PEER_UNREACHABLE"
  | "UNKNOWN_MOVE"
  | "CLUSTER_MISMATCH"
  | "STALE_EPOCH"
  | "OUT_OF_ORDER"
  | "CANCELLED"
  | "INTERNAL";

/** What the source of a move is told. */
export type MoveSourceEvent =
  /** A frozen view was opened; it holds every write up to `version`. */
  | { readonly kind: "snapshot-taken"; readonly version: Version }
  /** The target takes the transfer, from this chunk on. */
  | { readonly kind: "accepted"; readonly nextChunk: number }
  /** A chunk was read from the snapshot and sent; `last`: nothing is left. An empty snapshot has no chunk at all. */
  | { readonly kind: "chunk-sent"; readonly chunk: number; readonly last: boolean }
  | { readonly kind: "snapshot-empty" }
  | { readonly kind: "chunk-verified"; readonly chunk: number; readonly verified: boolean }
  /** The target has stored a whole snapshot, of this version and digest. */
  | { readonly kind: "stored"; readonly version: Version; readonly digest: PartitionDigest }
  /** The queue to the target ran low, or the target acknowledged writes. */
  | { readonly kind: "progress"; readonly queuedBytes: number }
  /** The master made the target a backup and orders the hand-off; `version` and `digest` as of now, in flight or not. */
  | { readonly kind: "transfer-ordered"; readonly version: Version; readonly digest: PartitionDigest }
  /** No write is in flight; `version` is the partition's last, `digest` its digest. */
  | { readonly kind: "drained"; readonly version: Version; readonly digest: PartitionDigest }
  | { readonly kind: "barrier-answered"; readonly version: Version; readonly digest: PartitionDigest }
  | { readonly kind: "nacked"; readonly reason: NackReason; readonly message: string }
  | { readonly kind: "link-broken"; readonly message: string };

/** What the source of a move does next, in order. */
export type MoveSourceEffect =
  | { readonly kind: "send-start"; readonly snapshot: Version }
  /** Reads the next chunk of the snapshot and sends it. */
  | { readonly kind: "send-chunk" }
  | { readonly kind: "resend-chunk"; readonly chunk: number }
  | { readonly kind: "send-complete"; readonly chunks: number }
  | { readonly kind: "close-snapshot" }
  /** Lets the queued writes behind the snapshot flow to the target. */
  | { readonly kind: "open-queue"; readonly afterSeq: number }
  /** From now on acknowledgements need the target, until a higher epoch. Comes before the report of READY. */
  | { readonly kind: "require-target" }
  | { readonly kind: "report-ready" }
  /** Makes new calls wait, and says when those in flight are done. */
  | { readonly kind: "start-handoff" }
  | { readonly kind: "send-barrier"; readonly version: Version }
  /** Serves the partition no more at this epoch, then reports RELEASED. */
  | { readonly kind: "release"; readonly version: Version; readonly digest: PartitionDigest }
  /** Ends the move on this side: before RELEASE the partition serves on. */
  | { readonly kind: "give-up"; readonly reason: NackReason; readonly message: string };

/** What a replica holds of a partition. */
interface Standing {
  readonly version: Version;
  readonly digest: PartitionDigest;
}

type State =
  | { readonly kind: "opening" }
  | {
      readonly kind: "starting";
      readonly snapshot: Version;
      readonly sent: number;
      readonly last: number | undefined;
      readonly reading: boolean;
      readonly attempts: number;
    }
  | {
      readonly kind: "copying";
      readonly snapshot: Version;
      /** Chunks sent so far, which is the number of the next. */
      readonly sent: number;
      /** Sent and not verified, with how often each was sent again. */
      readonly unverified: Map<number, number>;
      /** Number of the last chunk, once it is known. */
      readonly last: number | undefined;
      /** A chunk is being read, and not sent yet. */
      readonly reading: boolean;
      readonly attempts: number;
    }
  | { readonly kind: "completing"; readonly snapshot: Version }
  /** `stored`: what the target holds, without the writes since. */
  | { readonly kind: "following"; readonly stored: Standing }
  | { readonly kind: "ready"; readonly stored: Standing }
  /** Comparing while calls go on: if nothing is written meanwhile, no call waits for it. */
  | { readonly kind: "agreeing"; readonly version: Version; readonly digest: PartitionDigest }
  /** `agreed`: where the target was found to hold the same. */
  | { readonly kind: "draining"; readonly agreed: Standing | undefined }
  | { readonly kind: "comparing"; readonly version: Version; readonly digest: PartitionDigest }
  | { readonly kind: "released" }
  | { readonly kind: "given-up" };

/**
 * The source's side of one move (paper 6.2 steps 4 to 6, 6.3 steps 6 to 10): copy a snapshot in verified chunks, catch
 * up, hand over. Pure: events in, effects out.
 *
 * Promises: READY is reported only after acknowledgements need the target; RELEASE only when both digests agree at one
 * version with no write in flight. After RELEASE nothing here resumes service; only a committed entry does.
 *
 * The digests are compared before calls are made to wait, with what the target said when it had stored the copy if nothing
 * was written since, and again only if something was written meanwhile: the wait is then for the master's commit alone.
 */
export class MoveSource {
  readonly moveId: MoveId;
  readonly partition: PartitionId;
  #state: State = { kind: "opening" };

  constructor(moveId: MoveId, partition: PartitionId) {
    this.moveId = moveId;
    this.partition = partition;
  }

  get phase(): State["kind"] {
    return this.#state.kind;
  }

  /** Takes an event; those that do not fit the present state are late or repeated and change nothing. */
  step(event: MoveSourceEvent): readonly MoveSourceEffect[] {
    if (this.#state.kind === "given-up" || this.#state.kind === "released") return [];
    if (event.kind === "nacked") return this.#giveUp(event.reason, event.message);
    if (event.kind === "link-broken") return this.#reopen(event.message);
    switch (this.#state.kind) {
      case "opening":
        return event.kind === "snapshot-taken" ? this.#start(event.version) : [];
      case "starting":
        return this.#stepStarting(this.#state, event);
      case "copying":
        return this.#stepCopying(this.#state, event);
      case "completing":
        return event.kind === "stored" ? this.#follow(this.#state.snapshot, event) : [];
      case "following":
        return event.kind === "progress" ? this.#tryReady(this.#state.stored, event.queuedBytes) : [];
      case "ready":
        return event.kind === "transfer-ordered" ? this.#handOver(this.#state.stored, event) : [];
      case "agreeing":
        return event.kind === "barrier-answered" ? this.#agree(this.#state, event) : [];
      case "draining":
        return event.kind === "drained" ? this.#drained(this.#state.agreed, event) : [];
      case "comparing":
        return event.kind === "barrier-answered" ? this.#compare(this.#state, event) : [];
    }
  }

  /** One chunk goes without waiting for the target to accept: most partitions have no second. */
  #start(snapshot: Version): readonly MoveSourceEffect[] {
    this.#state = { kind: "starting", snapshot, sent: 0, last: undefined, reading: true, attempts: 0 };
    return [{ kind: "send-start", snapshot }, { kind: "send-chunk" }];
  }

  /** A chunk that was being read when the link broke counts as sent: the target will say whether it has it. */
  #stepStarting(state: State & { kind: "starting" }, event: MoveSourceEvent): readonly MoveSourceEffect[] {
    if (event.kind === "accepted") return this.#copy(state, event.nextChunk);
    if (event.kind === "chunk-sent") this.#state = afterSending(state, event);
    if (event.kind === "snapshot-empty") this.#state = { ...state, reading: false };
    return [];
  }

  /**
   * After a broken link chunks behind the target's are sent again (they are kept until verified); behind the first start
   * they are on their way. New ones fill the window.
   */
  #copy(state: State & { kind: "starting" }, nextChunk: number): readonly MoveSourceEffect[] {
    const unverified = new Map<number, number>();
    for (let chunk = nextChunk; chunk < state.sent; chunk += 1) unverified.set(chunk, 0);
    const again = state.attempts === 0 ? [] : [...unverified.keys()];
    const resends = again.map((chunk) => ({ kind: "resend-chunk", chunk }) as const);
    return [...resends, ...this.#fillWindow({ ...state, kind: "copying", unverified })];
  }

  #stepCopying(state: State & { kind: "copying" }, event: MoveSourceEvent): readonly MoveSourceEffect[] {
    if (event.kind === "snapshot-empty") return this.#complete(state, state.sent);
    if (event.kind === "stored") return this.#follow(state.snapshot, event);
    if (event.kind === "chunk-sent") {
      state.unverified.set(event.chunk, 0);
      return this.#fillWindow(afterSending(state, event));
    }
    if (event.kind !== "chunk-verified") return [];
    const retries = state.unverified.get(event.chunk);
    if (retries === undefined) return [];
    if (!event.verified) {
      if (retries >= limits.chunkRetriesMax) {
        return this.#giveUp("CHECKSUM", `chunk ${event.chunk} failed its checksum ${retries + 1} times`);
      }
      state.unverified.set(event.chunk, retries + 1);
      return [{ kind: "resend-chunk", chunk: event.chunk }];
    }
    state.unverified.delete(event.chunk);
    if (state.last !== undefined && state.unverified.size === 0) return this.#complete(state, state.last + 1);
    return this.#fillWindow(state);
  }

  /** One read at a time: the edge answers each, in its time, with `chunk-sent` or `snapshot-empty`. */
  #fillWindow(state: State & { kind: "copying" }): readonly MoveSourceEffect[] {
    this.#state = state;
    if (state.last !== undefined) {
      return state.unverified.size === 0 ? this.#complete(state, state.last + 1) : [];
    }
    if (state.reading || state.unverified.size >= limits.chunksInFlightMax) return [];
    this.#state = { ...state, reading: true };
    return [{ kind: "send-chunk" }];
  }

  #complete(state: State & { kind: "copying" }, chunks: number): readonly MoveSourceEffect[] {
    this.#state = { kind: "completing", snapshot: state.snapshot };
    return [{ kind: "send-complete", chunks }];
  }

  /** An answer to an earlier attempt, at another epoch, says nothing of this one. */
  #follow(snapshot: Version, { version, digest }: Standing): readonly MoveSourceEffect[] {
    if (compareVersions(version, snapshot) !== 0) return [];
    this.#state = { kind: "following", stored: { version, digest } };
    return [{ kind: "close-snapshot" }, { kind: "open-queue", afterSeq: snapshot.seq }];
  }

  #tryReady(stored: Standing, queuedBytes: number): readonly MoveSourceEffect[] {
    if (queuedBytes > limits.readyLagBytesMax) return [];
    this.#state = { kind: "ready", stored };
    return [{ kind: "require-target" }, { kind: "report-ready" }];
  }

  /** A copy behind which nothing was written needs no question: it is known what the target holds. */
  #handOver(stored: Standing, { version, digest }: Standing): readonly MoveSourceEffect[] {
    if (stored.version.seq === version.seq && stored.digest.equals(digest)) {
      this.#state = { kind: "draining", agreed: { version, digest } };
      return [{ kind: "start-handoff" }];
    }
    this.#state = { kind: "agreeing", version, digest };
    return [{ kind: "send-barrier", version }];
  }

  /** Writes that were in flight, or came since, make the comparison worthless, and no reason to give up. */
  #agree(state: State & { kind: "agreeing" }, answer: Standing): readonly MoveSourceEffect[] {
    this.#state = { kind: "draining", agreed: areSame(answer, state) ? state : undefined };
    return [{ kind: "start-handoff" }];
  }

  #drained(agreed: Standing | undefined, now: Standing): readonly MoveSourceEffect[] {
    const { version, digest } = now;
    if (agreed !== undefined && areSame(agreed, now)) {
      this.#state = { kind: "released" };
      return [{ kind: "release", version, digest }];
    }
    this.#state = { kind: "comparing", version, digest };
    return [{ kind: "send-barrier", version }];
  }

  #compare(state: State & { kind: "comparing" }, answer: Standing): readonly MoveSourceEffect[] {
    if (!areSame(answer, state)) {
      return this.#giveUp(
        "DIGEST_MISMATCH",
        `source has ${formatNoun(state.digest.keys, "key")} at ${state.version.epoch}.${state.version.seq}, ` +
          `target ${answer.digest.keys} at ${answer.version.epoch}.${answer.version.seq}, and their digests differ`,
      );
    }
    this.#state = { kind: "released" };
    return [{ kind: "release", version: state.version, digest: state.digest }];
  }

  /** The snapshot is still open while chunks are: the transfer goes on where the target stands. Later it cannot. */
  #reopen(message: string): readonly MoveSourceEffect[] {
    const state = this.#state;
    if (state.kind !== "starting" && state.kind !== "copying")
      return this.#giveUp("PEER_UNREACHABLE", message);
    if (state.attempts >= limits.reopenAttemptsMax) return this.#giveUp("PEER_UNREACHABLE", message);
    this.#state = {
      kind: "starting",
      snapshot: state.snapshot,
      sent: state.sent,
      last: state.last,
      reading: state.reading,
      attempts: state.attempts + 1,
    };
    return [{ kind: "send-start", snapshot: state.snapshot }];
  }

  #giveUp(reason: NackReason, message: string): readonly MoveSourceEffect[] {
    this.#state = { kind: "given-up" };
    return [{ kind: "give-up", reason, message }];
  }
}

function areSame(a: Standing, b: Standing): boolean {
  return compareVersions(a.version, b.version) === 0 && a.digest.equals(b.digest);
}

function afterSending<S extends State & { kind: "starting" | "copying" }>(
  state: S,
  { chunk, last }: { readonly chunk: number; readonly last: boolean },
): S {
  return { ...state, sent: chunk + 1, last: last ? chunk : state.last, reading: false };
}

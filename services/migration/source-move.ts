import type { PartitionDigest } from "../core/digest.js";
import type { Epoch, MoveId } from "../core/ids.js";
import { limits } from "../core/limits.js";
import type { Clock, Timer } from "../core/ports/clock.js";
import type { EngineEntry, EngineSnapshot, StorageEngine } from "../core/ports/storage-engine.js";
import { Follower } from "../core/store/follower.js";
import { refreshGates } from "../core/store/gate.js";
import { MoveSource, type MoveSourceEffect, type MoveSourceEvent } from "../core/store/move-source.js";
import type { Partition } from "../core/store/partition.js";
import type { Turns } from "../core/store/turns.js";
import type { Replica, Version } from "../core/topology.js";
import type { MoveReport } from "../gen/elastickv/v1/master.js";
import type {
  CatchUpResponse,
  ChunkDataTransfer,
  StoredSnapshot,
  TransferResponse,
} from "../gen/elastickv/v1/migration.js";
import { replicaToWire, versionFromWire } from "../wire/topology.js";
import { digestFromWire, digestToWire, nackReasonFromWire, nackReasonToWire } from "./messages.js";
import type { PeerLink, PeerLinkListener } from "./peer-link.js";
import type { RateLimit } from "./rate-limit.js";
import { checksumOf, encodeRecordBatch } from "./record-batch.js";

/** Longest that a hand-off may hold up a partition's calls before the source resumes, in milliseconds. */
const handoffMsMax = 5000;

/** What a source move works with. */
export interface SourceMoveContext {
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly rateLimit: RateLimit;
  /** When chunks are read. */
  readonly turns: Turns;
  readonly clusterId: string;
  readonly partitionCount: number;
  self(): Replica;
  /** The move has something new to tell the master. */
  reported(moveId: MoveId): void;
}

/** Runs one {@link MoveSource} over a partition, its engine and the link to the target. */
export class SourceMove implements PeerLinkListener {
  readonly moveId: MoveId;
  readonly partition: Partition;
  readonly target: Replica;
  readonly link: PeerLink;
  readonly #context: SourceMoveContext;
  readonly #machine: MoveSource;
  readonly #follower: Follower;
  readonly #epoch: Epoch;
  readonly #chunks = new Map<number, ChunkDataTransfer>();
  #snapshot: EngineSnapshot | undefined;
  #entries: IterableIterator<EngineEntry> | undefined;
  #lookahead: EngineEntry | undefined;
  #chunksRead = 0;
  #keysSent = 0;
  #bytesSent = 0;
  #flowing = false;
  #catchUpInFlight = 0;
  #timer: Timer | undefined;
  #handoffStartMs: number | undefined;
  #report: MoveReport["state"];
  #ended = false;

  constructor(
    context: SourceMoveContext,
    move: {
      readonly moveId: MoveId;
      readonly partition: Partition;
      readonly target: Replica;
      readonly link: PeerLink;
    },
  ) {
    this.#context = context;
    this.moveId = move.moveId;
    this.partition = move.partition;
    this.target = move.target;
    this.link = move.link;
    this.#epoch = move.partition.epoch;
    this.#machine = new MoveSource(move.moveId, move.partition.id);
    this.#follower = new Follower(move.partition.seq, () => this.#pump());
  }

  /** Attaches the queue first; the snapshot follows once every write before it is committed, so nothing falls between. */
  start(): void {
    const { partition } = this;
    partition.follower = this.#follower;
    this.link.listen(this.moveId, this);
    partition.whenCommitted(partition.seq, () => {
      if (!this.#ended) this.#takeSnapshot();
    });
  }

  get phase(): MoveSource["phase"] {
    return this.#machine.phase;
  }

  /** How long calls have been waiting for the hand-off, in milliseconds; undefined before it began. */
  pauseMs(): number | undefined {
    const sinceMs = this.#handoffStartMs;
    return sinceMs === undefined ? undefined : this.#context.clock.nowMs() - sinceMs;
  }

  /** What the master should know of the move now. */
  report(): MoveReport {
    const state: MoveReport["state"] = this.#report ?? {
      $case: "copying",
      value: { keys: this.#keysSent, bytes: this.#bytesSent },
    };
    return { moveId: this.moveId, partition: this.partition.id, epoch: this.#reportEpoch(), state };
  }

  /** The master's order to hand the partition over. */
  transfer(): void {
    const { epoch, seq, digest } = this.partition;
    this.#step({ kind: "transfer-ordered", version: { epoch, seq }, digest: digest.copy() });
  }

  /** Gives the move up from this side; without effect after RELEASE. */
  fail(reason: "STORAGE_FULL" | "CANCELLED" | "INTERNAL", message: string): void {
    this.#step({ kind: "nacked", reason, message });
  }

  /** A higher epoch ended the move, one way or the other: its promises are lifted. */
  end(): void {
    this.#ended = true;
    this.#closeSnapshot();
    this.#timer?.cancel();
    this.link.unlisten(this.moveId);
    const { partition } = this;
    if (partition.follower === this.#follower) partition.follower = undefined;
    partition.isMigrating = false;
    partition.settle();
  }

  transferAnswered(answer: NonNullable<TransferResponse["message"]>): void {
    switch (answer.$case) {
      case "startChunkTransfer":
        for (const chunk of this.#chunks.keys()) {
          if (chunk < answer.value.nextChunk) this.#chunks.delete(chunk);
        }
        return this.#step({ kind: "accepted", nextChunk: answer.value.nextChunk });
      case "chunkVerificationResponse": {
        const { chunk, verified, stored } = answer.value;
        if (verified) this.#chunks.delete(chunk);
        if (stored) return this.#stored(stored);
        return this.#step({ kind: "chunk-verified", chunk, verified });
      }
      case "dataTransferComplete":
        return this.#stored(answer.value.stored);
      case "nack":
        return this.#nacked(answer.value);
    }
  }

  catchUpAnswered(answer: NonNullable<CatchUpResponse["message"]>): void {
    switch (answer.$case) {
      case "ack":
        return this.#acknowledged(answer.value.version?.seq ?? 0);
      case "barrier": {
        const { version, digest } = answer.value;
        if (!version || !digest) return;
        return this.#step({
          kind: "barrier-answered",
          version: versionFromWire(version),
          digest: digestFromWire(digest),
        });
      }
      case "nack":
        return this.#nacked(answer.value);
    }
  }

  broken(message: string): void {
    this.#step({ kind: "link-broken", message });
  }

  #stored(stored: StoredSnapshot | undefined): void {
    if (!stored?.version || !stored.digest) return;
    const { version, digest } = stored;
    this.#step({ kind: "stored", version: versionFromWire(version), digest: digestFromWire(digest) });
  }

  #nacked(nack: {
    readonly reason: Parameters<typeof nackReasonFromWire>[0];
    readonly message: string;
  }): void {
    this.#step({
      kind: "nacked",
      reason: nackReasonFromWire(nack.reason),
      message: `target: ${nack.message}`,
    });
  }

  #step(event: MoveSourceEvent): void {
    if (this.#ended) return;
    for (const effect of this.#machine.step(event)) this.#perform(effect);
  }

  #perform(effect: MoveSourceEffect): void {
    switch (effect.kind) {
      case "send-start":
        return this.#sendStart(effect.snapshot);
      case "send-chunk":
        // One in each turn of the event loop, whichever move it is of: calls get in between.
        this.#context.turns
          .run(() => Promise.resolve(this.#sendChunk()))
          .catch((error: unknown) =>
            this.fail("INTERNAL", error instanceof Error ? error.message : String(error)),
          );
        return;
      case "resend-chunk": {
        const chunk = this.#chunks.get(effect.chunk);
        return chunk === undefined
          ? this.fail("INTERNAL", `chunk ${effect.chunk} is no longer kept`)
          : this.#send({ $case: "chunkDataTransfer", value: chunk });
      }
      case "send-complete":
        return this.#send({
          $case: "dataTransferComplete",
          value: { moveId: this.moveId, chunks: effect.chunks, stored: undefined },
        });
      case "close-snapshot":
        return this.#closeSnapshot();
      case "open-queue":
        this.#follower.skipTo(effect.afterSeq);
        this.#flowing = true;
        this.#pump();
        return this.#progressed();
      case "require-target":
        this.#follower.required = true;
        return;
      case "report-ready":
        return this.#setReport({ $case: "ready", value: { keys: this.#keysSent, bytes: this.#bytesSent } });
      case "start-handoff":
        return this.#startHandoff();
      case "send-barrier":
        return this.#sendBarrier(effect.version);
      case "release":
        return this.#release(effect.version, effect.digest);
      case "give-up":
        return this.#giveUp(effect);
    }
  }

  #takeSnapshot(): void {
    const { partition } = this;
    // Rolled back already: the next attempt's copies must be the only ones of its epoch.
    if (partition.epoch !== this.#epoch) return;
    if (partition.generation === undefined) return this.fail("INTERNAL", "the partition has no live data");
    this.#snapshot = this.#context.engine.snapshot(partition.id, partition.generation);
    this.#entries = this.#snapshot.entries();
    this.#step({ kind: "snapshot-taken", version: { epoch: partition.epoch, seq: partition.localSeq } });
  }

  #sendStart(snapshot: Version): void {
    const { partition, target, moveId } = this;
    this.#send({
      $case: "startChunkTransfer",
      value: {
        moveId,
        clusterId: this.#context.clusterId,
        partitionCount: this.#context.partitionCount,
        partition: partition.id,
        epoch: this.#epoch,
        source: replicaToWire(this.#context.self()),
        target: replicaToWire(target),
        snapshot,
        keys: partition.digest.keys,
        bytes: partition.digest.bytes,
      },
    });
  }

  #sendChunk(): void {
    if (this.#ended) return;
    const records = this.#readChunk();
    if (records.length === 0) return this.#step({ kind: "snapshot-empty" });
    const chunk = this.#chunksRead;
    this.#chunksRead += 1;
    const batch = encodeRecordBatch(records);
    const last = this.#lookahead === undefined;
    const message = { moveId: this.moveId, chunk, records: batch, checksum: checksumOf(batch), last };
    this.#chunks.set(chunk, message);
    const bytes = batch.keys.length + batch.records.length;
    this.#keysSent += records.length;
    this.#bytesSent += bytes;
    const sent = (): void => {
      if (this.#ended) return;
      this.#send({ $case: "chunkDataTransfer", value: message });
      this.#step({ kind: "chunk-sent", chunk, last });
    };
    const waitMs = this.#context.rateLimit.spend(bytes);
    if (waitMs > 0) this.#context.clock.setTimer(waitMs, sent);
    else sent();
  }

  /** Reads up to a chunk's worth, and one entry ahead to know whether it is the last. */
  #readChunk(): readonly EngineEntry[] {
    const records: EngineEntry[] = [];
    let bytes = 0;
    this.#lookahead ??= this.#nextEntry();
    while (this.#lookahead !== undefined && (records.length === 0 || bytes < limits.chunkBytesTarget)) {
      records.push(this.#lookahead);
      bytes += this.#lookahead.key.length + this.#lookahead.record.length;
      this.#lookahead = this.#nextEntry();
    }
    return records;
  }

  #nextEntry(): EngineEntry | undefined {
    const next = this.#entries?.next();
    return next === undefined || next.done === true ? undefined : next.value;
  }

  #pump(): void {
    while (this.#flowing && this.#catchUpInFlight < limits.catchUpInFlightMax) {
      const writes = this.#follower.take(limits.chunkBytesTarget);
      if (writes.length === 0) return;
      this.#catchUpInFlight += 1;
      const records = encodeRecordBatch(writes);
      this.link.sendCatchUp({ $case: "writes", value: { moveId: this.moveId, records } });
    }
  }

  #acknowledged(seq: number): void {
    this.#catchUpInFlight -= 1;
    const wasFull = this.#follower.full;
    this.#follower.acknowledge(seq);
    this.#pump();
    this.partition.settle();
    if (wasFull && !this.#follower.full) this.partition.resumeParked();
    this.#progressed();
  }

  #progressed(): void {
    this.#step({ kind: "progress", queuedBytes: this.#follower.queuedBytes });
  }

  #startHandoff(): void {
    const { partition } = this;
    partition.isMigrating = true;
    this.#handoffStartMs = this.#context.clock.nowMs();
    refreshGates(partition, this.#context.self());
    this.#limitHandoff();
    partition.whenCommitted(partition.seq, () => {
      this.#step({
        kind: "drained",
        version: { epoch: partition.epoch, seq: partition.seq },
        digest: partition.digest.copy(),
      });
    });
  }

  #sendBarrier(version: Version): void {
    if (this.#timer === undefined) this.#limitHandoff();
    this.link.sendCatchUp({ $case: "barrier", value: { moveId: this.moveId, version } });
  }

  #limitHandoff(): void {
    this.#timer?.cancel();
    this.#timer = this.#context.clock.setTimer(handoffMsMax, () =>
      this.#step({
        kind: "nacked",
        reason: "PEER_UNREACHABLE",
        message: `the hand-off did not end within ${handoffMsMax} ms`,
      }),
    );
  }

  #release(version: Version, digest: PartitionDigest): void {
    this.#timer?.cancel();
    const { partition } = this;
    partition.releasedEpoch = partition.epoch;
    refreshGates(partition, this.#context.self());
    this.#setReport({
      $case: "released",
      value: { version, digest: digestToWire(digest), generation: partition.generation ?? 0 },
    });
  }

  /** READY outlives this: a follower that acknowledgements need stays until a higher epoch. */
  #giveUp({ reason, message }: MoveSourceEffect & { kind: "give-up" }): void {
    this.#timer?.cancel();
    this.#closeSnapshot();
    const { partition } = this;
    if (!this.#follower.required && partition.follower === this.#follower) partition.follower = undefined;
    partition.isMigrating = false;
    refreshGates(partition, this.#context.self());
    const nack = { moveId: this.moveId, reason: nackReasonToWire(reason), message };
    this.#send({ $case: "nack", value: nack });
    this.#setReport({ $case: "nack", value: nack });
    partition.settle();
    partition.resumeParked();
  }

  #setReport(report: NonNullable<MoveReport["state"]>): void {
    this.#report = report;
    this.#context.reported(this.moveId);
  }

  #reportEpoch(): number {
    if (this.#report?.$case === "released") return this.partition.releasedEpoch;
    return this.#report?.$case === "nack" ? this.partition.epoch : this.#epoch;
  }

  #send(message: Parameters<PeerLink["sendTransfer"]>[0]): void {
    // Bounded by the window of unverified chunks, so the transport's own queue needs no further limit.
    this.link.sendTransfer(message);
  }

  #closeSnapshot(): void {
    this.#snapshot?.close();
    this.#snapshot = undefined;
    this.#entries = undefined;
    this.#lookahead = undefined;
    this.#chunks.clear();
  }
}

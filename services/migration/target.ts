import { EkvError } from "../core/errors.js";
import { brandAs, type Epoch, type Generation, type MoveId, type PartitionId } from "../core/ids.js";
import { backoffs, limits } from "../core/limits.js";
import type { Clock, Timer } from "../core/ports/clock.js";
import type { Random } from "../core/ports/random.js";
import type { StorageEngine } from "../core/ports/storage-engine.js";
import { Backoff } from "../core/retry/backoff.js";
import type { KVMap } from "../core/store/kv-map.js";
import type { NackReason } from "../core/store/move-source.js";
import type { Partition } from "../core/store/partition.js";
import { StagedCopy } from "../core/store/staged-copy.js";
import type { Turns } from "../core/store/turns.js";
import { compareVersions, type Replica, sameReplica } from "../core/topology.js";
import type {
  CatchUpRequest,
  CatchUpResponse,
  ChunkDataTransfer,
  Nack,
  StartChunkTransfer,
  StoredSnapshot,
  TransferRequest,
  TransferResponse,
} from "../gen/elastickv/v1/migration.js";
import { replicaFromWire, versionFromWire } from "../wire/topology.js";
import { digestToWire, nackReasonToWire } from "./messages.js";
import { checksumOf, decodeRecordBatch, isRecordBatch } from "./record-batch.js";
import { formatNoun } from "../core/noun-count.js";

/** How long a transfer that is ahead of the master's word waits for it, in milliseconds. */
const entryWaitMsMax = 5000;

/** What a store's receiving side works with. */
export interface MigrationTargetOptions {
  readonly kvMap: KVMap;
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly random: Random;
  /** When chunks are stored. */
  readonly turns: Turns;
  readonly clusterId: string;
  readonly partitionCount: number;
  self(): Replica;
  /** A generation number never used before on this disk. Throws `RESOURCE_EXHAUSTED` when the disk is full. */
  nextGeneration(): Generation;
  /** Deletes the data of a generation that will never be live. */
  discard(partition: PartitionId, generation: Generation): void;
}

/** A source's stream, over gRPC or framed: what both have in common. */
export interface MoveCall<Request, Answer> {
  readonly writableEnded: boolean;
  readonly cancelled: boolean;
  on(event: "data", listener: (request: Request) => void): unknown;
  on(event: "end" | "drain", listener: () => void): unknown;
  /** False: wait for `drain`. */
  write(answer: Answer): boolean;
  end(): unknown;
  pause(): unknown;
  resume(): unknown;
}

interface Staged {
  readonly copy: StagedCopy;
  /** The partition's epoch that the copy was begun at. */
  readonly epoch: Epoch;
  /** Ends when everything handed to the copy so far is stored. */
  tail: Promise<void>;
}

interface PendingStart {
  readonly start: StartChunkTransfer;
  readonly reply: (answer: NonNullable<TransferResponse["message"]>) => void;
  readonly timer: Timer;
  /** What came behind it. */
  readonly held: (() => void)[];
}

/** Refuses a message and ends the move, with a reason for the source and the operator. */
class Refusal extends Error {
  readonly reason: NackReason;
  constructor(reason: NackReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The moves that come to this store: the server of MigrationService. */
export class MigrationTarget {
  readonly #options: MigrationTargetOptions;
  readonly #staged = new Map<PartitionId, Staged>();
  readonly #pending = new Map<PartitionId, PendingStart>();
  #closed = false;

  constructor(options: MigrationTargetOptions) {
    this.#options = options;
  }

  /** Whether copies come to this store. */
  get isBusy(): boolean {
    return this.#staged.size > 0;
  }

  /** Takes up the complete copies that a former run left. */
  restore(): readonly StagedCopy[] {
    const copies = StagedCopy.restore(this.#options.engine, this.#options.kvMap.partitions);
    for (const copy of copies) {
      this.#stage(copy, brandAs<Epoch>(0));
    }
    return copies;
  }

  /** Handler of MigrationService.Transfer. */
  transfer(call: MoveCall<TransferRequest, TransferResponse>): void {
    call.on("data", ({ message }: TransferRequest) => {
      if (!message) return;
      const { moveId } = message.value;
      const reply = (answer: NonNullable<TransferResponse["message"]>): void => {
        if (!call.writableEnded && !call.cancelled && !call.write({ message: answer })) call.pause();
      };
      const refuse = (nack: Nack): void => reply({ $case: "nack", value: nack });
      switch (message.$case) {
        case "startChunkTransfer":
          return this.#start(message.value, reply);
        case "chunkDataTransfer": {
          const chunk = message.value;
          return this.#queue(moveId, refuse, async ({ copy }) => {
            const verified = await this.#options.turns.run(() => storeChunk(copy, chunk));
            const stored = copy.complete ? storedOf(copy) : undefined;
            reply({
              $case: "chunkVerificationResponse",
              value: { moveId, chunk: chunk.chunk, verified, stored },
            });
          });
        }
        case "dataTransferComplete": {
          const { chunks } = message.value;
          return this.#queue(moveId, refuse, async ({ copy }) => {
            if (copy.nextChunk !== chunks) {
              throw new Refusal("OUT_OF_ORDER", `${copy.nextChunk} of ${formatNoun(chunks, "chunk")} stored`);
            }
            await copy.finish();
            reply({ $case: "dataTransferComplete", value: { moveId, chunks, stored: storedOf(copy) } });
          });
        }
        case "nack":
          return this.#drop(moveId);
      }
    });
    endWithCaller(call);
  }

  /** Handler of MigrationService.CatchUp. */
  catchUp(call: MoveCall<CatchUpRequest, CatchUpResponse>): void {
    call.on("data", ({ message }: CatchUpRequest) => {
      if (!message) return;
      const { moveId } = message.value;
      const reply = (answer: NonNullable<CatchUpResponse["message"]>): void => {
        if (!call.writableEnded && !call.cancelled && !call.write({ message: answer })) call.pause();
      };
      const refuse = (nack: Nack): void => reply({ $case: "nack", value: nack });
      if (message.$case === "writes") {
        const { records } = message.value;
        return this.#queue(moveId, refuse, async ({ copy }) => {
          if (!copy.complete)
            throw new Refusal("OUT_OF_ORDER", "writes came before the snapshot was complete");
          const decoded = records && decodeRecordBatch(records);
          if (decoded === undefined) throw new Refusal("CHECKSUM", "the batch of writes is malformed");
          await copy.applyWrites(decoded);
          reply({ $case: "ack", value: { moveId, version: copy.version } });
        });
      }
      const { version } = message.value;
      this.#queue(moveId, refuse, ({ copy }) => {
        if (version === undefined) throw new Refusal("OUT_OF_ORDER", "the barrier has no version");
        copy.advanceTo(versionFromWire(version));
        reply({
          $case: "barrier",
          value: { moveId, version: copy.version, digest: digestToWire(copy.digest) },
        });
      });
    });
    endWithCaller(call);
  }

  /** The copy that becomes live when this store becomes primary, if it is complete. */
  completed(partition: PartitionId): StagedCopy | undefined {
    const staged = this.#staged.get(partition);
    return staged?.copy.complete ? staged.copy : undefined;
  }

  /** The moves whose whole copy is stored here, and not live. */
  completeMoves(): MoveId[] {
    return [...this.#staged.values()].flatMap(({ copy }) => (copy.complete ? [copy.moveId] : []));
  }

  /** The copy went live: it is no longer staged. */
  adopted(partition: PartitionId): void {
    this.#unstage(partition);
  }

  /** An entry was adopted: drops a copy that it has no role for, and lets a transfer that came early begin. */
  entryAdopted(partition: Partition): void {
    const staged = this.#staged.get(partition.id);
    if (staged && !this.#isExpected(partition, staged.copy.moveId, staged.epoch)) {
      this.#discard(partition.id, staged);
    }
    const pending = this.#pending.get(partition.id);
    if (pending && this.#isLearner(partition, pending.start.moveId)) {
      pending.timer.cancel();
      this.#pending.delete(partition.id);
      this.#start(pending.start, pending.reply);
      for (const take of pending.held) take();
    }
  }

  close(): void {
    this.#closed = true;
    for (const { timer } of this.#pending.values()) timer.cancel();
    this.#pending.clear();
  }

  #start(start: StartChunkTransfer, reply: PendingStart["reply"]): void {
    const { moveId } = start;
    const refuse = (reason: NackReason, message: string): void =>
      reply({ $case: "nack", value: { moveId, reason: nackReasonToWire(reason), message } });
    const { clusterId, partitionCount, kvMap, clock } = this.#options;
    if (start.clusterId !== clusterId || start.partitionCount !== partitionCount) {
      return refuse(
        "CLUSTER_MISMATCH",
        `this store belongs to cluster ${clusterId} (${formatNoun(partitionCount, "partition")}), the move to ${start.clusterId} (${formatNoun(start.partitionCount, "partition")})`,
      );
    }
    const partition = kvMap.partitions[start.partition];
    if (!partition || !start.source || !start.target || !start.snapshot) {
      return refuse("OUT_OF_ORDER", "the start names no partition, source, target or snapshot");
    }
    if (!sameReplica(replicaFromWire(start.target), this.#options.self())) {
      return refuse("UNKNOWN_MOVE", "the move is for another store, or for an earlier run of this one");
    }
    const earlier = this.#pending.get(partition.id);
    if (earlier) {
      earlier.timer.cancel();
      this.#pending.delete(partition.id);
      // Nobody may wait in vain for an answer; of the same move it is an earlier attempt.
      if (earlier.start.moveId !== moveId) {
        const message = "another start for the partition came after this one";
        const reason = nackReasonToWire("UNKNOWN_MOVE");
        earlier.reply({ $case: "nack", value: { moveId: earlier.start.moveId, reason, message } });
      }
    }
    if (!this.#isLearner(partition, brandAs<MoveId>(moveId)) || partition.epoch !== start.epoch) {
      const timer = clock.setTimer(entryWaitMsMax, () => {
        this.#pending.delete(partition.id);
        refuse("UNKNOWN_MOVE", `the master has not announced the move within ${entryWaitMsMax} ms`);
      });
      this.#pending.set(partition.id, { start, reply, timer, held: [] });
      return;
    }
    let nextChunk: number;
    try {
      nextChunk = this.#open(partition, start);
    } catch (error) {
      if (!(error instanceof EkvError) || error.code !== "RESOURCE_EXHAUSTED") throw error;
      return refuse("STORAGE_FULL", error.message);
    }
    reply({ $case: "startChunkTransfer", value: { moveId, ack: true, nextChunk } });
  }

  /**
   * Takes up the copy of the same snapshot where it stands, or begins anew. Returns the chunk wanted next; throws
   * `RESOURCE_EXHAUSTED` when the disk is full.
   */
  #open(partition: Partition, start: StartChunkTransfer): number {
    const { engine, nextGeneration } = this.#options;
    const snapshot = versionFromWire(start.snapshot ?? { epoch: 0, seq: 0 });
    const source = replicaFromWire(start.source ?? { storeId: "", incarnation: 0 });
    const staged = this.#staged.get(partition.id);
    if (
      staged &&
      staged.copy.moveId === start.moveId &&
      staged.epoch === start.epoch &&
      sameReplica(staged.copy.source, source) &&
      compareVersions(staged.copy.version, snapshot) === 0
    ) {
      return staged.copy.nextChunk;
    }
    if (staged) this.#discard(partition.id, staged);
    const copy = new StagedCopy(engine, {
      moveId: brandAs<MoveId>(start.moveId),
      source,
      partition,
      generation: nextGeneration(),
      snapshot,
    });
    this.#stage(copy, brandAs<Epoch>(start.epoch));
    return 0;
  }

  #stage(copy: StagedCopy, epoch: Epoch): void {
    this.#staged.set(copy.partition.id, { copy, epoch, tail: Promise.resolve() });
    copy.partition.incoming = copy;
  }

  /** Runs `work` on a move's copy after what came before it; a failure ends the move with a NACK. */
  #queue(moveId: string, refuse: (nack: Nack) => void, work: (staged: Staged) => Promise<void> | void): void {
    const nack = (reason: NackReason, message: string): void =>
      refuse({ moveId, reason: nackReasonToWire(reason), message });
    const pending = this.#pendingOf(moveId);
    if (pending) {
      // Not for the copy that an earlier attempt of the move may have left.
      if (this.#held >= limits.chunksHeldMax)
        return nack("OUT_OF_ORDER", "too much waits for the master's word");
      pending.held.push(() => this.#queue(moveId, refuse, work));
      return;
    }
    const staged = this.#find(moveId);
    if (!staged) return nack("UNKNOWN_MOVE", "the move is unknown here, or was given up");
    staged.tail = staged.tail.then(async () => {
      if (this.#find(moveId) !== staged) return;
      try {
        await work(staged);
      } catch (error) {
        this.#drop(moveId);
        if (error instanceof Refusal) nack(error.reason, error.message);
        else if (error instanceof EkvError && error.code === "RESOURCE_EXHAUSTED")
          nack("STORAGE_FULL", error.message);
        else nack("INTERNAL", error instanceof Error ? error.message : String(error));
      }
    });
  }

  /** What waits behind starts that wait for the master's word. */
  get #held(): number {
    let held = 0;
    for (const pending of this.#pending.values()) held += pending.held.length;
    return held;
  }

  #pendingOf(moveId: string): PendingStart | undefined {
    for (const pending of this.#pending.values()) if (pending.start.moveId === moveId) return pending;
    return undefined;
  }

  #find(moveId: string): Staged | undefined {
    for (const staged of this.#staged.values()) if (staged.copy.moveId === moveId) return staged;
    return undefined;
  }

  #isLearner(partition: Partition, moveId: string): boolean {
    const self = this.#options.self();
    return (
      partition.entry?.learners.some(
        (learner) => learner.moveId === moveId && sameReplica(learner.replica, self),
      ) ?? false
    );
  }

  #isExpected(partition: Partition, moveId: MoveId, epoch: Epoch): boolean {
    const { entry } = partition;
    const self = this.#options.self();
    if (entry?.backups.some((backup) => sameReplica(backup, self))) return true;
    return entry?.epoch === epoch && this.#isLearner(partition, moveId);
  }

  #drop(moveId: string): void {
    const staged = this.#find(moveId);
    if (staged) this.#discard(staged.copy.partition.id, staged);
  }

  #unstage(partition: PartitionId): void {
    const staged = this.#staged.get(partition);
    this.#staged.delete(partition);
    if (staged) staged.copy.partition.incoming = undefined;
  }

  #discard(partition: PartitionId, staged: Staged): void {
    this.#unstage(partition);
    void staged.tail.then(() => this.#forget(staged.copy));
  }

  /** Again and again while the disk fails: the data goes only once no restart would take it for a complete copy. */
  async #forget(
    copy: StagedCopy,
    backoff = new Backoff(backoffs.storeDisk, this.#options.random),
  ): Promise<void> {
    try {
      await copy.forget();
    } catch {
      if (this.#closed) return;
      this.#options.clock.setTimer(backoff.failed(), () => void this.#forget(copy, backoff));
      return;
    }
    this.#options.discard(copy.partition.id, copy.generation);
  }
}

function storedOf(copy: StagedCopy): StoredSnapshot {
  return { version: copy.version, digest: digestToWire(copy.digest) };
}

/** Whether the chunk is stored now: this one verified, or earlier. False: it is damaged or came too early. */
async function storeChunk(copy: StagedCopy, chunk: ChunkDataTransfer): Promise<boolean> {
  if (chunk.chunk < copy.nextChunk) return true;
  if (chunk.chunk > copy.nextChunk || !chunk.records) return false;
  if (checksumOf(chunk.records) !== chunk.checksum) return false;
  if (!isRecordBatch(chunk.records)) return false;
  await copy.storeChunk(chunk.records, chunk.last);
  return true;
}

/** A stream that breaks is the source's to act on: it opens another, or the master rolls the move back. */
function endWithCaller<Q, A>(call: MoveCall<Q, A>): void {
  call.on("end", () => call.end());
  // A source that does not read the answers to what it sends has to wait.
  call.on("drain", () => call.resume());
}

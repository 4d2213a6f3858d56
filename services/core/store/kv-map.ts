import { EkvError } from "../errors.js";
import { type Epoch, type Generation, type PartitionId, brandAs } from "../ids.js";
import type { Clock } from "../ports/clock.js";
import type {
  EngineEntry,
  EngineRangeBounds,
  EngineWrite,
  RecordLocation,
  StorageEngine,
} from "../ports/storage-engine.js";
import { encodeRecord, recordExpiresAtMs, recordIsDeleted, recordVersion } from "../record.js";
import type { Version } from "../topology.js";
import { formatVersion } from "../version-text.js";
import { decodeCounters, encodeCounters } from "./counters.js";
import type { OverlayWrite } from "./overlay.js";
import { Partition } from "./partition.js";

/** When a write may take effect. Undefined: always. `if-stored` holds for an expired record too: it is for expiry. */
export type Condition =
  | { readonly kind: "if-absent" }
  | { readonly kind: "if-version"; readonly version: Version }
  | { readonly kind: "if-stored"; readonly version: Version };

/** One write call. `call` is handed back to the sink unchanged. */
export interface WriteCall {
  readonly kind: "put" | "delete";
  readonly key: Uint8Array;
  /** Of a put; ignored for a delete. */
  readonly value: Uint8Array;
  readonly condition: Condition | undefined;
  /** Unix milliseconds; 0: never. */
  readonly expiresAtMs: number;
  /** Monotonic milliseconds after which it must not be executed; Infinity: none. */
  readonly deadlineMs: number;
  readonly sink: WriteSink;
  readonly call: number;
}

/** Where the result of a write goes; exactly one method is called, once. */
export interface WriteSink {
  /** It is committed. `existed`: whether a live value was there before. */
  written(call: number, version: Version, existed: boolean): void;
  /** A delete that found nothing. */
  notFound(call: number): void;
  refused(call: number, error: EkvError): void;
}

/** How a KVMap is run. */
export interface KVMapOptions {
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly partitionCount: number;
  /** Calls back once, when the present turn of the event loop has taken its calls. */
  readonly endOfTurn: (callback: () => void) => void;
  /** A partition's writes stopped because its engine failed while its follower already had them. */
  readonly onFailStop: (partition: Partition, error: EkvError) => void;
}

interface Assigned extends OverlayWrite {
  readonly partition: Partition;
  readonly write: WriteCall;
  readonly epoch: Epoch;
  readonly existed: boolean;
}

/** What one piece of a sweep of expired keys did. */
export interface SweptKeys {
  /** Keys looked at; fewer than the limit: no more have expired. */
  readonly seen: number;
  /** Of these, how many are being deleted: partitions that others serve, or that are not live, are left alone. */
  readonly deleted: number;
  /** When the first of those expired, in Unix milliseconds; another may have expired up to a second earlier. */
  readonly oldestMs: number | undefined;
  /** Where the next piece goes on. */
  readonly position: Uint8Array | undefined;
}

const emptyValue = new Uint8Array(0);

/**
 * The data of a store: the paper's KVMap (section 5.4), over a {@link StorageEngine}.
 *
 * Reads are answered from committed state. Writes of one turn of the event loop share a commit; conditions see writes
 * in flight. Callers check `partition.readable` and `partition.writable` first.
 */
export class KVMap {
  readonly partitions: readonly Partition[];
  readonly #options: KVMapOptions;
  readonly #engine: StorageEngine;
  #batch: EngineWrite[] = [];
  #assigned: Assigned[] = [];
  #touched = new Set<Partition>();
  #turnScheduled = false;
  #committing = false;
  #afterCommit: (() => void)[] = [];
  #commitMsPerWrite = 0;

  constructor(options: KVMapOptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.partitions = Array.from(
      { length: options.partitionCount },
      (_, index) => new Partition(brandAs<PartitionId>(index)),
    );
  }

  /**
   * The committed record of the key at `start` to `end` of `bytes` (default: all of it), or undefined. A view: copy what
   * outlives the synchronous run. It may have expired, see {@link KVMap.expire}.
   */
  get(partition: Partition, bytes: Uint8Array, start?: number, end?: number): Uint8Array | undefined {
    return partition.generation === undefined
      ? undefined
      : this.#engine.get(partition.id, partition.generation, bytes, start, end);
  }

  /** As {@link KVMap.get}, for readers that need no object of the record. */
  locate(partition: Partition, bytes: Uint8Array, start: number, end: number): RecordLocation | undefined {
    return partition.generation === undefined
      ? undefined
      : this.#engine.locate(partition.id, partition.generation, bytes, start, end);
  }

  /** Whether a linearizable read of a partition must wait for commits at a follower first. */
  mustWait(partition: Partition): boolean {
    return partition.follower !== undefined && partition.committedSeq < partition.localSeq;
  }

  /** Whether the time to live of the record at `offset` is over by the store's clock. */
  hasExpired(record: Uint8Array, offset = 0): boolean {
    const expiresAtMs = recordExpiresAtMs(record, offset);
    return expiresAtMs !== 0 && expiresAtMs <= this.#options.clock.wallMs();
  }

  /**
   * Deletes an expired record like any other write, then calls `done`: a reader must not learn that a key is gone
   * before its deletion is committed, or a clock set back would bring it to life again.
   */
  expire(partition: Partition, key: Uint8Array, record: Uint8Array, done: (error?: EkvError) => void): void {
    this.write(partition, {
      kind: "delete",
      key,
      value: emptyValue,
      condition: { kind: "if-stored", version: recordVersion(record) },
      expiresAtMs: 0,
      deadlineMs: Infinity,
      call: 0,
      sink: {
        written: () => done(),
        notFound: () => done(),
        // Written again in the meantime: whoever reads now finds the new value.
        refused: (_call, error) => done(error.code === "CONDITION_FAILED" ? undefined : error),
      },
    });
  }

  /** Takes a write: checks its condition, gives it its version, and commits it with the others of this turn. */
  write(partition: Partition, write: WriteCall): void {
    const nowMs = this.#options.clock.nowMs();
    if (write.deadlineMs <= nowMs) {
      write.sink.refused(write.call, deadlineExceeded());
      return;
    }
    const generation = partition.generation;
    if (generation === undefined) {
      write.sink.refused(write.call, unavailable(`partition ${partition.id} has no live data here`));
      return;
    }
    const { key } = write;
    const inFlight = partition.overlay.get(key);
    let old: RecordLocation | undefined;
    try {
      old = inFlight ? wholeRecord(inFlight.record) : this.#engine.locate(partition.id, generation, key);
    } catch (error) {
      // What is there is damaged: neither the condition nor the digest can be told.
      write.sink.refused(write.call, asEkvError(error));
      return;
    }
    const existed = old !== undefined && !this.hasExpired(old.bytes, old.start);
    const seen = existed || write.condition?.kind === "if-stored" ? old : undefined;
    const failed = conditionFailure(write.condition, seen);
    if (failed && old !== undefined && seen === undefined) {
      // That the key is gone may be learnt, here too, only once its deletion is committed.
      this.expire(partition, key, old.bytes.subarray(old.start, old.end), (error) => {
        if (error) write.sink.refused(write.call, error);
        else this.#writeAgain(partition, write);
      });
      return;
    }
    if (failed || (write.kind === "delete" && old === undefined)) {
      const { undone } = partition;
      partition.whenCommitted(inFlight?.seq ?? partition.localSeq, () => {
        if (inFlight && partition.undone !== undone) this.#writeAgain(partition, write);
        else if (failed) write.sink.refused(write.call, failed);
        else write.sink.notFound(write.call);
      });
      return;
    }
    this.#assign(partition, generation, write, old, existed);
  }

  /** Entries of the live generation within bounds, in key order, page by page; deleted and expired ones left out. */
  *browse(partition: Partition, bounds?: EngineRangeBounds): IterableIterator<EngineEntry> {
    if (partition.generation === undefined) return;
    for (const entry of this.#engine.range(partition.id, partition.generation, bounds)) {
      if (!this.hasExpired(entry.record)) yield entry;
    }
  }

  /**
   * Deletes what has expired by now, oldest first, of the partitions this store serves: looks at up to `limit` keys,
   * from behind the position of an earlier piece. `done` is called for each key as by {@link KVMap.expire}.
   */
  sweepExpired(limit: number, behind: Uint8Array | undefined, done: (error?: EkvError) => void): SweptKeys {
    const found = this.#engine.expired(this.#options.clock.wallMs(), limit, behind);
    let deleted = 0;
    let oldestMs: number | undefined;
    for (const { partition: id, generation, key } of found) {
      const partition = this.partitions[id];
      if (!partition?.writable || partition.generation !== generation) continue;
      const record = this.#engine.get(id, generation, key);
      if (record === undefined || !this.hasExpired(record)) continue;
      deleted += 1;
      oldestMs ??= recordExpiresAtMs(record);
      this.expire(partition, key, record, done);
    }
    return { seen: found.length, deleted, oldestMs, position: found.at(-1)?.position };
  }

  /** Calls back once the writes taken so far are committed here, or refused. */
  afterCommit(callback: () => void): void {
    this.#afterCommit.push(callback);
    this.#schedule();
  }

  /** How long the last commit held up the event loop, in milliseconds for each write. */
  get commitMsPerWrite(): number {
    return this.#commitMsPerWrite;
  }

  /** Loads the counters of the live generation from the engine; with no generation, resets them. */
  loadCounters(partition: Partition): void {
    const { seq, digest } =
      partition.generation === undefined
        ? decodeCounters(undefined)
        : decodeCounters(this.#engine.getCounters(partition.id, partition.generation));
    partition.seq = Math.max(partition.seq, seq);
    partition.localSeq = partition.seq;
    partition.digest = digest;
  }

  #assign(
    partition: Partition,
    generation: Generation,
    write: WriteCall,
    old: RecordLocation | undefined,
    existed: boolean,
  ): void {
    const seq = partition.seq + 1;
    partition.seq = seq;
    const { epoch } = partition;
    const deleted = write.kind === "delete";
    const record = encodeRecord(
      { epoch, seq, expiresAtMs: deleted ? 0 : write.expiresAtMs, deleted },
      deleted ? emptyValue : write.value,
    );
    const { key } = write;
    const { digest } = partition;
    if (old === undefined) digest.add(key, record);
    else if (deleted) digest.remove(key, old.bytes, old.start, old.end);
    else digest.replace(key, old.bytes, old.start, old.end, record);
    const stored = deleted ? undefined : record;
    const assigned: Assigned = { partition, write, key, epoch, seq, record: stored, existed };
    partition.overlay.set(assigned);
    this.#batch.push({ kind: write.kind, partition: partition.id, generation, key, record });
    this.#assigned.push(assigned);
    this.#touched.add(partition);
    partition.follower?.append({ seq, key, record });
    this.#schedule();
  }

  /** What the write was judged by, or went with, was undone; itself it was not executed. */
  #writeAgain(partition: Partition, write: WriteCall): void {
    if (partition.writable) this.write(partition, write);
    else write.sink.refused(write.call, unavailable(`partition ${partition.id} takes no writes any more`));
  }

  #schedule(): void {
    if (this.#turnScheduled || this.#committing) return;
    this.#turnScheduled = true;
    this.#options.endOfTurn(() => {
      this.#turnScheduled = false;
      if (!this.#committing) this.#commit();
    });
  }

  #commit(): void {
    const after = this.#afterCommit;
    this.#afterCommit = [];
    if (this.#batch.length === 0) return callAll(after);
    const assigned = this.#assigned;
    const touched = this.#touched;
    const batch = this.#batch;
    for (const partition of touched) {
      const { id, generation, seq, digest } = partition;
      if (generation === undefined) continue;
      batch.push({ kind: "counters", partition: id, generation, value: encodeCounters(seq, digest) });
    }
    this.#batch = [];
    this.#assigned = [];
    this.#touched = new Set();
    this.#committing = true;
    const { clock } = this.#options;
    const startedMs = clock.nowMs();
    this.#engine.commit(batch).then(
      () => {
        this.#committed(assigned);
        callAll(after);
      },
      (error: unknown) => {
        this.#failed(assigned, touched, error);
        callAll(after);
      },
    );
    this.#commitMsPerWrite = (clock.nowMs() - startedMs) / batch.length;
  }

  #committed(assigned: readonly Assigned[]): void {
    this.#committing = false;
    for (const one of assigned) {
      const { partition } = one;
      partition.localSeq = one.seq;
      partition.overlay.delete(one);
    }
    for (const one of assigned) {
      const { partition } = one;
      if (partition.follower?.required) partition.whenCommitted(one.seq, () => acknowledge(one));
      else acknowledge(one);
      partition.settle();
    }
    if (this.#batch.length > 0 || this.#afterCommit.length > 0) this.#schedule();
  }

  /**
   * The engine refused a batch. Nothing of it is stored, and what was assigned behind it saw it: all of that is undone
   * and refused. Where a follower may hold it already, the partition takes no writes until a higher epoch. Deletes
   * that only lacked room for the puts beside them are taken again, alone: they are what makes room.
   */
  #failed(assigned: readonly Assigned[], touched: ReadonlySet<Partition>, error: unknown): void {
    this.#committing = false;
    const undone = [...assigned, ...this.#assigned];
    const partitions = new Set([...touched, ...this.#touched]);
    this.#batch = [];
    this.#assigned = [];
    this.#touched = new Set();
    const cause = asEkvError(error);
    // A failed sync: what was handed to the engine may be there after a restart; what waited behind it was not handed over.
    const mayBeStored = new Set(cause.code === "OUTCOME_UNKNOWN" ? assigned : []);
    const code = cause.code === "OUTCOME_UNKNOWN" ? "INTERNAL" : cause.code;
    const refused = new EkvError(code, cause.message, { notExecuted: true, cause });
    const unknown = new EkvError("OUTCOME_UNKNOWN", `the write may be stored at a replica: ${cause.message}`);
    const sent = new Set([...partitions].filter((partition) => partition.follower?.required));
    const lacksRoom =
      cause.code === "RESOURCE_EXHAUSTED" && assigned.some(({ write }) => write.kind === "put");
    const again = (one: Assigned): boolean =>
      lacksRoom && one.write.kind === "delete" && !sent.has(one.partition);
    for (const partition of partitions) {
      partition.undone += 1;
      partition.overlay.clear();
      this.loadCounters(partition);
      if (sent.has(partition)) {
        partition.failedEpoch = partition.epoch;
        partition.writable = false;
      }
      if (partition.follower) this.#options.onFailStop(partition, cause);
    }
    for (const one of undone) {
      if (again(one)) this.#writeAgain(one.partition, one.write);
      else if (mayBeStored.has(one)) one.write.sink.refused(one.write.call, cause);
      else one.write.sink.refused(one.write.call, sent.has(one.partition) ? unknown : refused);
    }
    // Before any other put joins them.
    this.#commit();
    for (const partition of partitions) partition.settle();
  }
}

function asEkvError(error: unknown): EkvError {
  return error instanceof EkvError
    ? error
    : new EkvError("INTERNAL", "the storage engine failed", { notExecuted: true, cause: error });
}

function callAll(callbacks: readonly (() => void)[]): void {
  for (const callback of callbacks) callback();
}

function acknowledge({ write, epoch, seq, existed }: Assigned): void {
  if (write.kind === "delete" && !existed) write.sink.notFound(write.call);
  else write.sink.written(write.call, { epoch, seq }, existed);
}

function wholeRecord(record: Uint8Array | undefined): RecordLocation | undefined {
  return record && { bytes: record, start: 0, end: record.length };
}

function conditionFailure(
  condition: Condition | undefined,
  old: RecordLocation | undefined,
): EkvError | undefined {
  if (condition === undefined) return undefined;
  const current = old === undefined || recordIsDeleted(old.bytes, old.start) ? undefined : old;
  if (condition.kind === "if-absent") {
    if (current === undefined) return undefined;
    const version = recordVersion(current.bytes, current.start);
    return conditionFailed(`the key exists, at version ${formatVersion(version)}`, version);
  }
  const expected = condition.version;
  if (current === undefined) return conditionFailed("the key does not exist", undefined);
  const version = recordVersion(current.bytes, current.start);
  if (version.epoch === expected.epoch && version.seq === expected.seq) return undefined;
  const message = `the key is at version ${formatVersion(version)}, not ${formatVersion(expected)}`;
  return conditionFailed(message, version);
}

function conditionFailed(message: string, current: Version | undefined): EkvError {
  return new EkvError("CONDITION_FAILED", message, { notExecuted: true, current });
}

function deadlineExceeded(): EkvError {
  return new EkvError("DEADLINE_EXCEEDED", "the deadline passed before the write was executed", {
    notExecuted: true,
  });
}

/** Nobody serves the partition at the moment; nothing was executed. */
export function unavailable(message: string): EkvError {
  return new EkvError("UNAVAILABLE", message, { notExecuted: true });
}

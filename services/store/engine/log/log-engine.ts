import type { Generation, PartitionId } from "../../../core/ids.js";
import type { Timer } from "../../../core/ports/clock.js";
import type {
  EngineEntry,
  EngineRangeBounds,
  EngineSnapshot,
  EngineWrite,
  ExpiredKey,
  GenerationName,
  RecordLocation,
  StorageEngine,
} from "../../../core/ports/storage-engine.js";
import { storageError } from "../../../runtime/storage-error.js";
import { engineClosed } from "../closed.js";
import { bytesOf, claimRoom } from "./batch-bytes.js";
import { type Changes, changePositionOf, readChanges } from "./change-reader.js";
import { Checkpoints } from "./checkpoints.js";
import { Cleaner, type CleaningBounds, decideCleaning, retiredShare } from "./cleaner.js";
import { findExpired } from "./expired-keys.js";
import { GenerationSnapshot } from "./generation-snapshot.js";
import { entryBytes, frameHeaderBytes, recordBytesAt, recordStartAt } from "./layout.js";
import type { LogEngineParts } from "./log-engine-parts.js";
import type { LogIndex } from "./log-index.js";
import { LogSyncs } from "./log-syncs.js";
import { type Append, type Appended, type EntryRun, LogWriter } from "./log-writer.js";
import { LeafOrders, orderedRange } from "./ordered-range.js";
import { applyRun } from "./replay.js";
import { Residency } from "./residency.js";
import { RetiredSegments } from "./retired-segments.js";
import type { Segment } from "./segment.js";

interface WaitingAppend extends Append {
  resolve(): void;
  reject(error: unknown): void;
}

const noBytes: Uint8Array = new Uint8Array(0);
const noRuns: readonly EntryRun[] = [];

/** Between two steps of cleaning while nothing is written, in milliseconds. */
const cleaningPauseMs = 5;
/** After a step that the disk refused. */
const cleaningRestMs = 1000;

/** The {@link StorageEngine} whose memory and file are one append-only log. DESIGN.md beside this file says how. */
export class LogEngine implements StorageEngine {
  readonly name: StorageEngine["name"];
  readonly #parts: LogEngineParts;
  readonly #path: string;
  readonly #index: LogIndex;
  readonly #writer: LogWriter;
  readonly #syncs: LogSyncs;
  readonly #cleaner: Cleaner;
  readonly #residency: Residency;
  readonly #retired: RetiredSegments | undefined;
  readonly #orders = new LeafOrders();
  readonly #found = { bytes: noBytes, start: 0, end: 0 };
  readonly #snapshots = new Set<GenerationSnapshot>();
  /** Of the log, oldest first. */
  readonly #segments: Segment[];
  /** Bytes of all but the last. */
  #sealedBytes = 0;
  /** The last batch that was taken up, and where it ends. */
  #visibleBatch = 0;
  #changesEnd = 0;
  /** What is written and not taken up. */
  #takingUp: readonly EntryRun[] = noRuns;
  #waiting: WaitingAppend[] = [];
  #appending: Promise<void> | undefined;
  #cleaningTimer: Timer | undefined;
  /** Under way while the oldest segment is brought into memory, to be cleaned. */
  #loadingFirst: Promise<unknown> | undefined;
  #isDisposing = false;
  /** Under way while a batch waits for the files of cleaned segments to go. */
  #makingRoom: Promise<void> | undefined;
  readonly #checkpoints: Checkpoints | undefined;
  #closed = false;
  #closing: Promise<void> | undefined;

  constructor(parts: LogEngineParts) {
    const { folder, clock, random, index, replayed } = parts;
    this.#parts = parts;
    this.name = parts.name;
    this.#path = folder?.path ?? "memory";
    this.#index = index;
    this.#segments = [...(replayed?.segments ?? [])];
    this.#writer = new LogWriter({
      folder,
      random,
      segmentBytes: parts.segmentBytes,
      firstNumber: () => this.#segments[0]?.number ?? 0,
      onUndone: (file) => this.#syncs.wrote(file, false),
      onBroken: (cause) => this.#syncs.breakOff(cause),
    });
    this.#syncs = new LogSyncs(folder, clock, () => this.#writer.batch);
    this.#cleaner = new Cleaner(index, this.#writer);
    this.#residency = new Residency({
      clock,
      bytesMax: () => parts.memoryBytesMax - index.byteLength,
      segments: () => this.#segments,
      isPinned: (segment) =>
        [this.#writer.tail, this.#segments[0], ...this.#takingUp.map((run) => run.segment)].includes(segment),
    });
    this.#retired = folder && new RetiredSegments(folder, () => this.#syncs.durableBatch);
    this.#checkpoints =
      folder &&
      new Checkpoints({
        folder,
        clock,
        index,
        segments: this.#segments,
        end: () => ({ batch: this.#writer.batch, link: this.#writer.link }),
        sync: () => this.#syncs.sync(),
        bytesBetween: parts.checkpointBytes,
      });
    this.#syncs.onSynced = () => this.#retired?.remove();
    index.segments.onCold = () => this.#residency.readCold();
    if (replayed !== undefined) {
      this.#writer.resume(replayed.tail, replayed.batch, replayed.link, replayed.lastNumber);
      this.#syncs.durableBatch = replayed.batch;
      this.#visibleBatch = replayed.batch;
      if (this.#checkpoints !== undefined) this.#checkpoints.logBytes = replayed.replayedBytes;
      const last = replayed.segments.at(-1);
      if (last !== undefined) this.#changesEnd = changePositionOf(last, last.end);
      this.#seal();
    }
  }

  /** Makes an empty log ready, and begins what goes on in the background. Rejects with the system's error. */
  async start(): Promise<void> {
    if (this.#segments.length === 0) {
      const first = await this.#writer.begin();
      this.#index.segments.add(first);
      this.#segments.push(first);
      this.#changesEnd = changePositionOf(first, first.end);
    }
    // A segment that cannot be read stays on the disk: whoever looks into it is told.
    if (this.#parts.folder !== undefined) this.#residency.warm().catch(() => undefined);
    this.#disposeLater();
    this.#cleanLater(cleaningPauseMs);
  }

  get(...key: Parameters<StorageEngine["get"]>): Uint8Array | undefined {
    const found = this.locate(...key);
    return found?.bytes.subarray(found.start, found.end);
  }

  locate(
    partition: PartitionId,
    generation: Generation,
    bytes: Uint8Array,
    start = 0,
    end: number = bytes.length,
  ): RecordLocation | undefined {
    this.#assertOpen();
    const position = this.#index.find(partition, generation, bytes, start, end);
    if (position === 0) return undefined;
    const { segments } = this.#index;
    segments.locate(position);
    const found = this.#found;
    found.bytes = segments.bytes;
    found.start = recordStartAt(segments.words, segments.start);
    found.end = found.start + recordBytesAt(segments.words, segments.start);
    return found;
  }

  getMeta(name: string): Uint8Array | undefined {
    this.#assertOpen();
    const position = this.#index.metas.get(name)?.position;
    return position === undefined ? undefined : this.#index.segments.recordAt(position);
  }

  getCounters(partition: PartitionId, generation: Generation): Uint8Array | undefined {
    this.#assertOpen();
    const position = this.#index.generation(partition, generation)?.counters ?? 0;
    return position === 0 ? undefined : this.#index.segments.recordAt(position);
  }

  listMeta(prefix: string): readonly { readonly name: string; readonly value: Uint8Array }[] {
    this.#assertOpen();
    return [...this.#index.metas]
      .filter(([name]) => name.startsWith(prefix))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { position }]) => ({ name, value: this.#index.segments.recordAt(position) }));
  }

  async commit(batch: readonly EngineWrite[]): Promise<void> {
    while (this.#makingRoom !== undefined) await this.#makingRoom;
    this.#assertOpen();
    if (batch.length === 0) return;
    const bytes = bytesOf(batch);
    try {
      claimRoom(this.#index, batch, bytes, this.#parts);
    } catch (error) {
      this.#cleanLater(cleaningPauseMs);
      if (this.#retired === undefined || this.#retired.bytes === 0) throw error;
      // Those that come meanwhile wait too, behind this one: batches keep their order.
      this.#makingRoom = this.#makeRoom(this.#retired).finally(() => (this.#makingRoom = undefined));
      await this.#makingRoom;
      this.#assertOpen();
      claimRoom(this.#index, batch, bytes, this.#parts);
    }
    const appending = this.#append({
      bytes,
      encode: (writer) => {
        for (const write of batch) writer.add(write);
      },
    });
    // One turn of the microtasks less for what is done already.
    if (appending !== undefined) await appending;
  }

  range(
    partition: PartitionId,
    generation: Generation,
    bounds?: EngineRangeBounds,
  ): IterableIterator<EngineEntry> {
    this.#assertOpen();
    const source = {
      segments: this.#index.segments,
      orders: this.#orders,
      index: () => {
        this.#assertOpen();
        return this.#index.generation(partition, generation);
      },
    };
    return orderedRange(source, bounds);
  }

  snapshot(partition: PartitionId, generation: Generation): EngineSnapshot {
    this.#assertOpen();
    const leaves = this.#index.generation(partition, generation)?.share() ?? [];
    const snapshot = new GenerationSnapshot(leaves, this.#index.segments.retained(), (closed) =>
      this.#snapshots.delete(closed),
    );
    this.#snapshots.add(snapshot);
    return snapshot;
  }

  expired(wallMs: number, limit: number, behind?: Uint8Array): readonly ExpiredKey[] {
    this.#assertOpen();
    return findExpired(this.#index, wallMs, limit, behind);
  }

  listGenerations(): readonly GenerationName[] {
    this.#assertOpen();
    return Array.from(this.#index.generations(), ({ partition, generation }) => ({ partition, generation }));
  }

  async dropGeneration(partition: PartitionId, generation: Generation): Promise<void> {
    while (this.#makingRoom !== undefined) await this.#makingRoom;
    this.#assertOpen();
    const bytes = entryBytes(0, 0) + frameHeaderBytes;
    this.#parts.space?.claim(bytes, false);
    await this.#append({ bytes, encode: (writer) => writer.addDrop(partition, generation) });
    this.#disposeLater();
  }

  /** Where the changes begin that are made from now on. */
  changesEnd(): number {
    this.#assertOpen();
    return this.#changesEnd;
  }

  /**
   * The changes from a position on, in the order in which they were made: whole batches, until there are `limit` changes or
   * no more. What cleaning moved is no change. Undefined: the log does not reach back to the position, or never had it, as
   * after a power loss; then the reader begins anew. It reaches back through what is live and at least half of the slack.
   */
  changesSince(position: number, limit: number): Changes | undefined {
    this.#assertOpen();
    return readChanges({ segments: this.#segments, batch: this.#visibleBatch }, position, limit);
  }

  problem(): string | undefined {
    if (this.#closed) return undefined;
    const { stoppedAt } = this.#cleaner;
    const damage = stoppedAt?.segment.damage(stoppedAt.offset).message;
    return this.#syncs.broken?.message ?? this.#parts.space?.problem() ?? damage;
  }

  async flush(): Promise<void> {
    this.#assertOpen();
    await this.#appending;
    await this.#syncs.sync();
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    this.#closed = true;
    this.#cleaningTimer?.cancel();
    this.#syncs.stop();
    for (const snapshot of this.#snapshots) snapshot.close();
    await this.#residency.stop();
    await this.#appending;
    try {
      // The last checkpoint is of an index without what was dropped.
      while (this.#checkpoints !== undefined && this.#index.dispose()) {
        await new Promise<void>((resolve) => this.#parts.clock.endOfTurn(resolve));
      }
      await this.#checkpoints?.writeLast();
      await this.#syncs.sync();
    } finally {
      await this.#retired?.stop();
      this.#writer.close();
      this.#index.segments.releaseAll();
    }
  }

  /** Appends a batch and takes it up: at once, or by the time the promise resolves. Rejects when it was not written. */
  #append(append: Append): Promise<void> | undefined {
    if (this.#parts.durability === "commit") {
      try {
        this.#takeUp(this.#write([append]));
        this.#syncs.schedule();
        return undefined;
      } catch (error) {
        return this.#syncs.refuse(error);
      }
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...append, resolve, reject });
      this.#appending ??= this.#appendGroups().finally(() => (this.#appending = undefined));
    });
  }

  /** Groups what waits: one write and one sync for all of it; then it is seen, and acknowledged. */
  async #appendGroups(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        const written = this.#write(group);
        await this.#syncs.syncWritten();
        this.#takeUp(written);
        for (const { resolve } of group) resolve();
      } catch (failure) {
        const error: unknown = await this.#syncs.refuse(failure).catch((cause: unknown) => cause);
        for (const { reject } of group) reject(error);
      }
    }
  }

  /** Writes batches, with a step of cleaning before them. Throws an EkvError; then nothing was written. */
  #write(appends: readonly Append[]): Appended & { readonly cleaned: Segment | undefined } {
    if (this.#syncs.broken !== undefined) throw this.#syncs.broken;
    const first = this.#cleanable();
    const bytes = appends.reduce((sum, append) => sum + append.bytes, 0);
    const cleaning = first === undefined ? 0 : decideCleaning(this.#usage(), this.#bounds(), bytes);
    let cleaned: Segment | undefined;
    try {
      const { runs, made } = this.#writer.append(this.#syncs.durableBatch, () => {
        for (let i = 0; i < appends.length; i += 1) {
          this.#writer.beginBatch();
          // Before the writes: they may replace what is moved.
          if (i === 0 && first !== undefined && cleaning > 0 && this.#cleaner.step(first, cleaning)) {
            cleaned = first;
          }
          (appends[i] as Append).encode(this.#writer);
          this.#writer.endBatch();
        }
      });
      for (const segment of made) {
        this.#index.segments.add(segment);
        this.#segments.push(segment);
      }
      this.#takingUp = runs;
      for (const { segment } of runs) this.#syncs.wrote(segment, made.includes(segment));
      return { runs, made, cleaned };
    } catch (error) {
      this.#cleaner.restart();
      throw storageError(this.#path, error);
    } finally {
      if (cleaning > 0) this.#cleanLater(cleaningPauseMs);
    }
  }

  /** Takes up what was written. */
  #takeUp({ runs, made, cleaned }: Appended & { readonly cleaned: Segment | undefined }): void {
    const { segments } = this.#index;
    segments.toleratesDamage = true;
    for (const { segment, start, end } of runs) {
      applyRun(this.#index, segment, start, end);
      if (this.#checkpoints !== undefined) this.#checkpoints.logBytes += end - start;
    }
    segments.toleratesDamage = false;
    this.#takingUp = noRuns;
    this.#visibleBatch = this.#writer.batch;
    const last = runs.at(-1);
    if (last !== undefined) this.#changesEnd = changePositionOf(last.segment, last.end);
    if (cleaned !== undefined) this.#retire(cleaned);
    if (made.length > 0) {
      this.#seal();
      this.#residency.limit();
    }
    if (this.#index.dispose()) this.#disposeLater();
    this.#checkpoints?.writeWhenDue();
  }

  /** A segment holds nothing that is live any more. */
  #retire(segment: Segment): void {
    this.#segments.shift();
    this.#seal();
    this.#index.segments.remove(segment);
    if (this.#retired === undefined) return segment.release();
    segment.memory = undefined;
    this.#retired.add(segment, this.#writer.batch);
    // Files in the way of new ones are not left until the next sync in the background.
    if (this.#retired.bytes < retiredShare * this.#bounds().slackBytes) this.#syncs.schedule();
    else this.#syncs.sync().catch(() => undefined);
  }

  /** Removes what was cleaned. */
  async #makeRoom(retired: RetiredSegments): Promise<void> {
    // When it fails, there is no more room than before.
    await this.#syncs.sync().catch(() => undefined);
    await retired.removed();
  }

  /** The oldest segment, if it can be cleaned now. */
  #cleanable(): Segment | undefined {
    const first = this.#segments[0];
    if (first === undefined || first === this.#writer.tail || this.#cleaner.stoppedAt !== undefined)
      return undefined;
    // What still counts as expiring there must not lead to a segment that is gone.
    if (this.#index.isDisposing) return undefined;
    if (first.memory !== undefined) return first;
    if (this.#loadingFirst !== undefined || !this.#isCleaningNeeded(1)) return undefined;
    // When the disk does not give it, the next commit tries again.
    this.#loadingFirst = this.#residency
      .load(first)
      .catch(() => undefined)
      .finally(() => (this.#loadingFirst = undefined));
    return undefined;
  }

  #isCleaningNeeded(written: number): boolean {
    return decideCleaning(this.#usage(), this.#bounds(), written) > 0;
  }

  #usage(): { readonly bytes: number; readonly liveBytes: number } {
    // Not those that wait for their removal: cleaning more would not make them go sooner.
    const bytes = this.#sealedBytes + (this.#writer.tail?.end ?? 0);
    return { bytes, liveBytes: this.#index.liveBytes };
  }

  /** Counts what is not written to any more. */
  #seal(): void {
    this.#sealedBytes = 0;
    for (const segment of this.#segments) if (segment !== this.#writer.tail) this.#sealedBytes += segment.end;
  }

  /** On a disk that leaves little for garbage, half of what it leaves. */
  #bounds(): CleaningBounds {
    const { bounds, space, segmentBytes } = this.#parts;
    const { bytes, liveBytes } = this.#usage();
    const half = (bytes - liveBytes + (space?.leftBytes ?? Infinity)) / 2;
    if (half >= (bounds.ratio - 1) * liveBytes + bounds.slackBytes) return bounds;
    return { ratio: 1, slackBytes: Math.max(half, 2 * segmentBytes()) };
  }

  /** Cleans in the background too, as long as there is something to clean: nobody may be writing. */
  #cleanLater(pauseMs: number): void {
    if (this.#cleaningTimer !== undefined || this.#closed) return;
    this.#cleaningTimer = this.#parts.clock.setTimer(pauseMs, () => {
      this.#cleaningTimer = undefined;
      if (this.#closed || !this.#isCleaningNeeded(0)) return;
      if (this.#cleanable() === undefined) {
        if (this.#segments[0]?.memory === undefined) this.#cleanLater(cleaningPauseMs);
        return;
      }
      (async () => await this.#append({ bytes: 0, encode: () => undefined }))().then(
        () => this.#cleanLater(cleaningPauseMs),
        () => this.#cleanLater(cleaningRestMs),
      );
    });
  }

  /** Takes dropped generations off the books, a little in each turn of the event loop. */
  #disposeLater(): void {
    if (this.#isDisposing || this.#closed || !this.#index.isDisposing) return;
    this.#isDisposing = true;
    this.#parts.clock.endOfTurn(() => {
      this.#isDisposing = false;
      if (this.#closed) return;
      if (this.#index.dispose()) this.#disposeLater();
      else this.#cleanLater(cleaningPauseMs);
    });
  }

  #assertOpen(): void {
    if (this.#closed) throw engineClosed();
  }
}

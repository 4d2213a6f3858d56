import { join } from "node:path";
import { type Database, type RootDatabase, type Transaction, open } from "lmdb";
import type { Generation, PartitionId } from "../../core/ids.js";
import { limits } from "../../core/limits.js";
import type { Clock } from "../../core/ports/clock.js";
import type {
  EngineEntry,
  EngineRangeBounds,
  EngineSnapshot,
  EngineWrite,
  GenerationName,
  StorageEngine,
} from "../../core/ports/storage-engine.js";
import { recordExpiresAtMs } from "../../core/record.js";
import { FilePresence } from "../../runtime/file-presence.js";
import { FlushedWriter, flushedLmdbOptions } from "../../runtime/flushed-writer.js";
import { makeFolder, syncFolder } from "../../runtime/folder.js";
import { storageOpenError } from "../../runtime/storage-error.js";
import { engineClosed, snapshotClosed } from "./closed.js";
import { DeferredWriter } from "./deferred-writer.js";
import { DiskSpace, type DiskSpaceOptions } from "./disk-space.js";
import { reusableBytesOf, usedBytesOf } from "./environment-size.js";
import { expiryKey, scratchDataKey } from "./layout.js";
import { countersName, countersPrefix, generationOfCounters } from "./lmdb-counters.js";
import {
  type OrderedTable,
  type PageBounds,
  expiredOf,
  generationKeys,
  generationsOf,
  pageBytesTarget,
  rangeOf,
} from "./ordered-table.js";
import { SmallFolios, folioSizeMatters } from "./small-folios.js";

/** How an LMDB engine is opened. */
export interface LmdbEngineOptions {
  /** Folder of the environment; made if missing. The caller keeps other processes out of it (`lockFolder`). */
  readonly path: string;
  /**
   * - `commit`: a commit survives the end of this process, however violent. It is flushed to disk within about a
   *   second; a power loss or kernel crash before that may lose it, or damage the environment.
   * - `fsync`: a commit is on disk before it is visible and acknowledged.
   */
  readonly durability: "commit" | "fsync";
  /** Times the flushes and free-space checks. */
  readonly clock: Clock;
  /**
   * Free bytes of the file system that puts leave free; then they are refused with `RESOURCE_EXHAUSTED` until there is
   * room again. Deletions go on. Default 64 MiB. See {@link DiskSpace} for why.
   */
  readonly diskReserveBytes?: number;
}

type Table = Database<Uint8Array, Uint8Array>;

interface Writer {
  run<T>(work: () => T): Promise<T>;
  /** Resolves when all that was asked for so far is on disk or was refused, and nothing is under way. */
  flush(): Promise<void>;
}

/**
 * Not `useWritemap`, though its commits take less time. With it a delete that emptied a page ran into a failed assertion in
 * LMDB, which aborts the whole process: nobody can catch it. It took a snapshot that had been open for some hundred commits, so
 * that no page could be used again, as while a partition is copied under load (lmdb-js#212).
 */
const unflushedLmdbOptions = { noSync: true };

const diskReserveBytesDefault = 67_108_864;
const pageSizeBytes = 4096;
/** Records deleted in one transaction: it takes a few milliseconds. */
const dropRecords = 512;
const noBytes: Buffer = Buffer.alloc(0);

/** Views of the buffer that values are read into, by their length: a view made once is one less for every read. */
let readViews: Uint8Array[] = [];

/** LMDB hands out one big buffer with a false `length`: this is a plain view of the value in it. */
function viewOf(fast: Buffer): Uint8Array {
  const { buffer, byteOffset, length } = fast;
  if (length >= limits.lmdbReadViewsMax) return new Uint8Array(buffer, byteOffset, length);
  if (readViews[0]?.buffer !== buffer) readViews = [new Uint8Array(buffer, byteOffset, 0)];
  return (readViews[length] ??= new Uint8Array(buffer, byteOffset, length));
}

/** Below this, a loop copies bytes sooner than a call does. */
const loopBytes = 256;

/** A copy in memory of Node's pool: a `Uint8Array` of its own takes several times as long to make, and to collect. */
function pooledCopy(bytes: Uint8Array, start: number, end: number): Buffer {
  const length = end - start;
  const copy = Buffer.allocUnsafe(length);
  if (length > loopBytes) copy.set(bytes.subarray(start, end));
  else for (let i = 0; i < length; i += 1) copy[i] = bytes[start + i] as number;
  return copy;
}

const scanOptions = {
  keyEncoder: {
    writeKey: (key: Uint8Array, target: Uint8Array, start: number): number => {
      target.set(key, start);
      return start + key.length;
    },
    readKey: (bytes: Uint8Array, start: number, end: number): Buffer => pooledCopy(bytes, start, end),
  },
  encoder: {
    encode: (value: Uint8Array): Uint8Array => value,
    decode: (bytes: Uint8Array, length: number): Buffer => pooledCopy(bytes, 0, length),
  },
} as const;

class LmdbTable implements OrderedTable {
  readonly #table: Table;
  readonly #transaction: Transaction | undefined;

  constructor(table: Table, transaction?: Transaction) {
    this.#table = table;
    this.#transaction = transaction;
  }

  keys(bounds: PageBounds): readonly Uint8Array[] {
    return Array.from(this.#table.getKeys(this.#range(bounds, bounds.limit)));
  }

  entries(bounds: PageBounds): { entries: EngineEntry[]; more: boolean } {
    const entries: EngineEntry[] = [];
    let bytes = 0;
    for (const { key, value } of this.#table.getRange(this.#range(bounds, bounds.limit + 1))) {
      if (entries.length === bounds.limit || bytes >= pageBytesTarget) return { entries, more: true };
      bytes += value.length;
      entries.push({ key, record: value });
    }
    return { entries, more: false };
  }

  #range({ start, exclusive, end }: PageBounds, limit: number): Parameters<Table["getRange"]>[0] {
    return {
      start,
      limit,
      ...(exclusive === true && { exclusiveStart: true }),
      ...(end !== undefined && { end }),
      ...(this.#transaction !== undefined && { transaction: this.#transaction }),
    };
  }
}

class LmdbSnapshot implements EngineSnapshot {
  readonly #of: GenerationName;
  readonly #table: OrderedTable;
  readonly #transaction: Transaction;
  readonly #onClose: (snapshot: LmdbSnapshot) => void;
  #closed = false;

  constructor(
    of: GenerationName,
    data: Table,
    transaction: Transaction,
    onClose: (snapshot: LmdbSnapshot) => void,
  ) {
    this.#of = of;
    const frozen = new LmdbTable(data, transaction);
    this.#table = {
      keys: (bounds) => this.#open(frozen).keys(bounds),
      entries: (bounds) => this.#open(frozen).entries(bounds),
    };
    this.#transaction = transaction;
    this.#onClose = onClose;
  }

  entries(): IterableIterator<EngineEntry> {
    return rangeOf(this.#open(this.#table), this.#of.partition, this.#of.generation);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose(this);
    this.#transaction.done();
  }

  #open(table: OrderedTable): OrderedTable {
    if (this.#closed) throw snapshotClosed();
    return table;
  }
}

class LmdbEngine implements StorageEngine {
  readonly name = "lmdb";
  readonly #env: RootDatabase;
  readonly #data: Table;
  /** The same, for reading many entries: keys and values come out of the pool. */
  readonly #scanned: Table;
  readonly #expiry: Table;
  readonly #meta: Table;
  readonly #dataTable: OrderedTable;
  readonly #expiryTable: OrderedTable;
  readonly #writer: Writer;
  readonly #space: DiskSpace;
  readonly #folios: SmallFolios | undefined;
  readonly #clock: Clock;
  readonly #snapshots = new Set<LmdbSnapshot>();
  /** Ends with the last drop asked for: they go one after the other. */
  #dropped: Promise<unknown> = Promise.resolve();
  /** False while no record with an expiry was ever seen: then writes need not look at what they overwrite. */
  #mayExpire: boolean;
  #closed = false;

  constructor(
    env: RootDatabase,
    writer: Writer,
    space: Omit<DiskSpaceOptions, "reusableBytes" | "isThere">,
    folios: SmallFolios | undefined,
  ) {
    const table = (name: string): Table =>
      env.openDB<Uint8Array, Uint8Array>({ name, keyEncoding: "binary", encoding: "binary" });
    this.#env = env;
    this.#writer = writer;
    this.#folios = folios;
    this.#clock = space.clock;
    this.#data = table("data");
    const scanned = env.openDB<Uint8Array, Uint8Array>({ name: "data", ...scanOptions });
    this.#scanned = scanned;
    this.#expiry = table("expiry");
    this.#meta = table("meta");
    const file = new FilePresence(join(space.path, "data.mdb"));
    this.#space = new DiskSpace({
      ...space,
      reusableBytes: () => reusableBytesOf([this.#data, this.#expiry, this.#meta]),
      isThere: () => file.isThere,
    });
    this.#dataTable = this.#whileOpen(new LmdbTable(this.#scanned));
    this.#expiryTable = this.#whileOpen(new LmdbTable(this.#expiry));
    this.#mayExpire = this.#expiryTable.keys({ start: new Uint8Array(1), limit: 1 }).length > 0;
  }

  get(
    partition: PartitionId,
    generation: Generation,
    bytes: Uint8Array,
    start?: number,
    end?: number,
  ): Uint8Array | undefined {
    this.#assertOpen();
    const found = this.#data.getBinaryFast(scratchDataKey(partition, generation, bytes, start, end));
    return found && viewOf(found);
  }

  getMeta(name: string): Uint8Array | undefined {
    this.#assertOpen();
    const found = this.#meta.getBinaryFast(Buffer.from(name));
    return found && new Uint8Array(viewOf(found));
  }

  getCounters(partition: PartitionId, generation: Generation): Uint8Array | undefined {
    return this.getMeta(countersName(partition, generation));
  }

  listMeta(prefix: string): readonly { readonly name: string; readonly value: Uint8Array }[] {
    this.#assertOpen();
    return this.#namedValues(prefix).filter(({ name }) => !name.startsWith(countersPrefix));
  }

  #namedValues(prefix: string): readonly { readonly name: string; readonly value: Uint8Array }[] {
    const found: { readonly name: string; readonly value: Uint8Array }[] = [];
    const start = prefix === "" ? new Uint8Array(1) : Buffer.from(prefix);
    for (const { key, value } of this.#meta.getRange({ start })) {
      const name = Buffer.from(key).toString();
      if (!name.startsWith(prefix)) break;
      found.push({ name, value });
    }
    return found;
  }

  async commit(batch: readonly EngineWrite[]): Promise<void> {
    this.#assertOpen();
    if (batch.length === 0) return;
    this.#claim(batch);
    await this.#writer.run(() => this.#apply(batch));
    this.#folios?.committed();
  }

  range(
    partition: PartitionId,
    generation: Generation,
    bounds?: EngineRangeBounds,
  ): IterableIterator<EngineEntry> {
    this.#assertOpen();
    return rangeOf(this.#dataTable, partition, generation, bounds);
  }

  snapshot(partition: PartitionId, generation: Generation): EngineSnapshot {
    this.#assertOpen();
    const snapshot = new LmdbSnapshot(
      { partition, generation },
      this.#scanned,
      this.#env.useReadTransaction(),
      (closed) => this.#snapshots.delete(closed),
    );
    this.#snapshots.add(snapshot);
    return snapshot;
  }

  expired(wallMs: number, limit: number, behind?: Uint8Array): ReturnType<StorageEngine["expired"]> {
    return expiredOf(this.#expiryTable, wallMs, limit, behind);
  }

  listGenerations(): ReturnType<StorageEngine["listGenerations"]> {
    this.#assertOpen();
    const counted = this.#namedValues(countersPrefix).map(({ name }) => generationOfCounters(name));
    return generationsOf(this.#dataTable, counted);
  }

  /** In several transactions, one a turn of the event loop. The counters go in the last: until then it is listed. */
  async dropGeneration(partition: PartitionId, generation: Generation): Promise<void> {
    this.#assertOpen();
    const drop = this.#dropped.then(async () => {
      while (await this.#dropSome(partition, generation)) {
        await new Promise<void>((resolve) => this.#clock.endOfTurn(resolve));
      }
    });
    this.#dropped = drop.catch(() => undefined);
    await drop;
  }

  /** Returns whether there is more. */
  async #dropSome(partition: PartitionId, generation: Generation): Promise<boolean> {
    this.#assertOpen();
    this.#space.claim(dropRecords * pageSizeBytes, false);
    return this.#writer.run(() => {
      const keys = generationKeys(new LmdbTable(this.#data), partition, generation, dropRecords);
      for (const key of keys) this.#remove(key);
      if (keys.length === dropRecords) return true;
      this.#putMeta(countersName(partition, generation), undefined);
      return false;
    });
  }

  problem(): string | undefined {
    return this.#closed ? undefined : this.#space.problem();
  }

  async flush(): Promise<void> {
    this.#assertOpen();
    await this.#writer.flush();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#folios?.close();
    for (const snapshot of this.#snapshots) snapshot.close();
    try {
      await this.#writer.flush();
    } finally {
      await this.#env.close();
    }
  }

  #claim(batch: readonly EngineWrite[]): void {
    let bytes = 0;
    let grows = false;
    for (const write of batch) {
      // The changed leaf, a share of the pages above it, and the pages of a long record.
      bytes += 2 * pageSizeBytes;
      if (write.kind !== "put") continue;
      grows = true;
      bytes += write.record.length;
    }
    this.#space.claim(bytes, grows);
  }

  /** Runs within a write transaction. */
  #apply(batch: readonly EngineWrite[]): void {
    for (const write of batch) {
      if (write.kind === "meta") this.#putMeta(write.name, write.value);
      else if (write.kind === "counters")
        this.#putMeta(countersName(write.partition, write.generation), write.value);
      else if (write.kind === "delete")
        this.#remove(scratchDataKey(write.partition, write.generation, write.key));
      else this.#put(scratchDataKey(write.partition, write.generation, write.key), write.record);
    }
  }

  // Within a write transaction the promises of put and remove say nothing: both have happened or thrown.

  #put(dataKey: Uint8Array, record: Uint8Array): void {
    this.#dropExpiry(dataKey);
    void this.#data.put(dataKey, record);
    const expiresAtMs = recordExpiresAtMs(record);
    if (expiresAtMs === 0) return;
    this.#mayExpire = true;
    void this.#expiry.put(expiryKey(expiresAtMs, dataKey), noBytes);
  }

  #remove(dataKey: Uint8Array): void {
    this.#dropExpiry(dataKey);
    void this.#data.remove(dataKey);
  }

  #dropExpiry(dataKey: Uint8Array): void {
    if (!this.#mayExpire) return;
    const old = this.#data.getBinaryFast(dataKey);
    if (old === undefined) return;
    const expiresAtMs = recordExpiresAtMs(viewOf(old));
    if (expiresAtMs !== 0) void this.#expiry.remove(expiryKey(expiresAtMs, dataKey));
  }

  #putMeta(name: string, value: Uint8Array | undefined): void {
    if (value === undefined) void this.#meta.remove(Buffer.from(name));
    else void this.#meta.put(Buffer.from(name), value);
  }

  /** A range that outlives the engine must not touch the closed environment. */
  #whileOpen(table: OrderedTable): OrderedTable {
    const checked = (): OrderedTable => {
      this.#assertOpen();
      return table;
    };
    return {
      keys: (bounds) => checked().keys(bounds),
      entries: (bounds) => checked().entries(bounds),
    };
  }

  #assertOpen(): void {
    if (this.#closed) throw engineClosed();
  }
}

/**
 * Opens the durable {@link StorageEngine}, on LMDB. Data lies in the table `data` as `[partition u16][generation
 * u32][key]` → record; the table `expiry` indexes the records that expire as `[expiry u48][data key]` and changes in
 * the same transactions; `meta` holds the named values. Rejects with an EkvError when the folder cannot be used.
 */
export async function openLmdbEngine(options: LmdbEngineOptions): Promise<StorageEngine> {
  const { path, durability, clock } = options;
  try {
    await makeFolder(path);
    const env = open({
      path,
      noSubdir: false,
      ...(durability === "commit" ? unflushedLmdbOptions : flushedLmdbOptions),
    });
    await syncFolder(path);
    const writer =
      durability === "commit" ? new DeferredWriter(env, path, clock) : new FlushedWriter(env, path);
    const reserveBytes = options.diskReserveBytes ?? diskReserveBytesDefault;
    // With `fsync` LMDB writes in a thread of its own.
    const folios =
      durability === "commit" && folioSizeMatters(path)
        ? new SmallFolios({ path, clock, usedBytes: () => usedBytesOf(env) })
        : undefined;
    return new LmdbEngine(env, writer, { path, clock, reserveBytes }, folios);
  } catch (error) {
    throw storageOpenError(path, error);
  }
}

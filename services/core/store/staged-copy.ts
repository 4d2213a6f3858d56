import { PartitionDigest } from "../digest.js";
import { type Epoch, type Generation, type MoveId, type PartitionId, brandAs } from "../ids.js";
import type { EngineWrite, RecordColumns, StorageEngine } from "../ports/storage-engine.js";
import { recordIsDeleted, recordVersion } from "../record.js";
import { type Replica, type Version, compareVersions } from "../topology.js";
import { decodeCounters, encodeCounters } from "./counters.js";
import { keyName } from "./key-name.js";
import type { Partition } from "./partition.js";

const stagedPrefix = "staged/";

/** Meta name under which a complete copy that is not live yet is recorded. */
export function stagedName(partition: PartitionId): string {
  return `${stagedPrefix}${partition}`;
}

/** A key and its stored record, as they travel. */
export interface CopiedRecord {
  readonly key: Uint8Array;
  readonly record: Uint8Array;
}

interface StagedRecord {
  readonly moveId: MoveId;
  readonly source: Replica;
  readonly generation: Generation;
}

function decodeStaged(bytes: Uint8Array): StagedRecord {
  return JSON.parse(Buffer.from(bytes).toString()) as StagedRecord;
}

/**
 * The target's side of one move: a generation that is filled by verified chunks, then by the writes that followed.
 * Nothing of it is visible until the partition's live record names it. Calls must not overlap; they wait for commits.
 */
export class StagedCopy {
  readonly moveId: MoveId;
  readonly source: Replica;
  readonly partition: Partition;
  readonly generation: Generation;
  readonly #engine: StorageEngine;
  readonly #digest = new PartitionDigest();
  #complete = false;
  /** Number of the chunk wanted next: all before it are stored. */
  nextChunk = 0;
  /** The last write it holds. */
  version: Version;

  /** @param snapshot the last write that the source's snapshot holds */
  constructor(
    engine: StorageEngine,
    move: {
      readonly moveId: MoveId;
      readonly source: Replica;
      readonly partition: Partition;
      readonly generation: Generation;
      readonly snapshot: Version;
    },
  ) {
    this.#engine = engine;
    this.moveId = move.moveId;
    this.source = move.source;
    this.partition = move.partition;
    this.generation = move.generation;
    this.version = move.snapshot;
  }

  /** The complete copies that a former run left: the master may have made one the owner's data meanwhile. */
  static restore(engine: StorageEngine, partitions: readonly Partition[]): StagedCopy[] {
    return engine.listMeta(stagedPrefix).flatMap(({ name, value }) => {
      const partition = partitions[Number(name.slice(stagedPrefix.length))];
      if (partition === undefined) return [];
      const { moveId, source, generation } = decodeStaged(value);
      const { seq, digest } = decodeCounters(engine.getCounters(partition.id, generation));
      const snapshot = { epoch: brandAs<Epoch>(0), seq };
      const copy = new StagedCopy(engine, { moveId, source, partition, generation, snapshot });
      copy.#digest.assign(digest);
      copy.#complete = true;
      return [copy];
    });
  }

  /** Whether the whole snapshot is stored, and recorded so that a restart finds it. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Of everything stored so far. */
  get digest(): PartitionDigest {
    return this.#digest.copy();
  }

  /** Stores the next chunk; the `last` completes the copy. Rejects with the engine's error, having stored nothing. */
  async storeChunk(columns: RecordColumns, last = false): Promise<void> {
    const digest = this.#digest.copy();
    digest.addColumns(columns);
    const { partition, generation } = this;
    const batch: EngineWrite[] = [{ kind: "puts", partition: partition.id, generation, columns }];
    if (last) batch.push(this.#completion());
    await this.#commit(batch, digest, this.version);
    this.nextChunk += 1;
    this.#complete ||= last;
  }

  /** Records the copy as complete. Rejects as {@link storeChunk}. */
  async finish(): Promise<void> {
    if (this.#complete) return;
    await this.#engine.commit([this.#completion()]);
    this.#complete = true;
  }

  #completion(): EngineWrite {
    const record: StagedRecord = { moveId: this.moveId, source: this.source, generation: this.generation };
    return { kind: "meta", name: stagedName(this.partition.id), value: Buffer.from(JSON.stringify(record)) };
  }

  /** Takes the record of a copy that is given up back, so that no restart finds it. Rejects as {@link storeChunk}. */
  async forget(): Promise<void> {
    const name = stagedName(this.partition.id);
    const stored = this.#complete ? this.#engine.getMeta(name) : undefined;
    // Another copy of the partition may have been completed since.
    if (stored && decodeStaged(stored).generation === this.generation) {
      await this.#engine.commit([{ kind: "meta", name, value: undefined }]);
    }
    this.#complete = false;
  }

  /** Applies writes in order; those the copy holds already are skipped. Rejects as {@link storeChunk}. */
  async applyWrites(records: readonly CopiedRecord[]): Promise<void> {
    const digest = this.#digest.copy();
    const { id: partition } = this.partition;
    const { generation } = this;
    const batch: EngineWrite[] = [];
    const fresh = new Map<string, Uint8Array | undefined>();
    let { version } = this;
    for (const { key, record } of records) {
      const written = recordVersion(record);
      if (compareVersions(written, version) <= 0) continue;
      version = written;
      const name = keyName(key);
      const old = fresh.has(name) ? fresh.get(name) : this.#engine.get(partition, generation, key);
      if (old !== undefined) digest.remove(key, old);
      if (recordIsDeleted(record)) {
        fresh.set(name, undefined);
        batch.push({ kind: "delete", partition, generation, key, record });
      } else {
        fresh.set(name, record);
        digest.add(key, record);
        batch.push({ kind: "put", partition, generation, key, record });
      }
    }
    await this.#commit(batch, digest, version);
  }

  /** The partition's epoch rose without a write: the versions compared at a barrier carry it. */
  advanceTo(version: Version): boolean {
    if (version.seq !== this.version.seq || compareVersions(version, this.version) < 0) return false;
    this.version = version;
    return true;
  }

  async #commit(batch: EngineWrite[], digest: PartitionDigest, version: Version): Promise<void> {
    const { partition, generation } = this;
    const value = encodeCounters(version.seq, digest);
    batch.push({ kind: "counters", partition: partition.id, generation, value });
    await this.#engine.commit(batch);
    this.#digest.assign(digest);
    this.version = version;
  }
}

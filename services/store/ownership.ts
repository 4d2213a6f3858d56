import { assertInvariant, type EkvError, isDiskRefusal } from "../core/errors.js";
import {
  brandAs,
  type Generation,
  type Incarnation,
  type PartitionId,
  type StoreId,
  type TopologyVersion,
} from "../core/ids.js";
import type { EngineWrite, GenerationName, StorageEngine } from "../core/ports/storage-engine.js";
import { limits } from "../core/limits.js";
import { decideGate, refreshGates } from "../core/store/gate.js";
import type { Generations } from "../core/store/generations.js";
import type { KVMap } from "../core/store/kv-map.js";
import type { Partition } from "../core/store/partition.js";
import { type StagedCopy, stagedName } from "../core/store/staged-copy.js";
import { hasRole, type PartitionEntry, type Replica, sameEntry, sameReplica } from "../core/topology.js";
import type { HeldPartition, StrayReplica } from "../gen/elastickv/v1/master.js";
import { entryFromWire, entryToWire } from "../wire/topology.js";
import { PartitionEntry as WireEntry } from "../gen/elastickv/v1/common.js";

const livePrefix = "live/";
const versionName = "stored-version";
/** Of the entry with which a cluster forms. */
const firstEpoch = 1;

/** Moves that must hear of an adopted entry, and the copies that may go live with it. */
export interface MoveParticipant {
  entryAdopted(partition: Partition): void;
}

/** The receiving side, which hands over complete copies. */
export interface CopyProvider extends MoveParticipant {
  completed(partition: PartitionId): StagedCopy | undefined;
  adopted(partition: PartitionId): void;
}

/** What ownership works with. */
export interface OwnershipOptions {
  readonly kvMap: KVMap;
  readonly engine: StorageEngine;
  readonly generations: Generations;
  readonly storeId: StoreId;
  /** Deletes the data of a generation that will never be live again. */
  discard(partition: PartitionId, generation: Generation): void;
}

interface LiveRecord {
  readonly generation: Generation;
  readonly entry: PartitionEntry;
}

/**
 * Which partitions this store holds and serves. Entries come from the master, are adopted by epoch, made durable, and
 * only then open a partition; they close one at once.
 */
export class Ownership {
  readonly #options: OwnershipOptions;
  #self: Replica;
  /** Their newest entry is not durable and in force yet: its commit is under way, or has failed. */
  readonly #unsettled = new Set<Partition>();
  /** This run has recorded entries. */
  #hasRecorded = false;
  #source: MoveParticipant | undefined;
  #target: CopyProvider | undefined;

  constructor(options: OwnershipOptions) {
    this.#options = options;
    // Incarnation 0 is never issued: nothing is served before the master has named this run.
    this.#self = { storeId: options.storeId, incarnation: brandAs<Incarnation>(0) };
  }

  get self(): Replica {
    return this.#self;
  }

  /** The incarnation that the master issued to this run. */
  identify(incarnation: Incarnation): void {
    this.#self = { storeId: this.#options.storeId, incarnation };
  }

  /** Connects the two sides of moves; once, before the first entry is adopted. */
  connect(source: MoveParticipant, target: CopyProvider): void {
    this.#source = source;
    this.#target = target;
  }

  /**
   * Reads what the disk holds, and returns the generations on it that are neither live nor among the complete copies
   * given: leftovers, to be deleted.
   */
  load(copies: readonly StagedCopy[]): GenerationName[] {
    const { engine, kvMap } = this.#options;
    const kept = new Set(copies.map((copy) => `${copy.partition.id}/${copy.generation}`));
    for (const { name, value } of engine.listMeta(livePrefix)) {
      const partition = kvMap.partitions[Number(name.slice(livePrefix.length))];
      assertInvariant(partition !== undefined, `the disk holds ${name}, beyond the partition count`);
      const record = decodeLive(value);
      partition.entry = record.entry;
      partition.generation = record.generation;
      kvMap.loadCounters(partition);
      kept.add(`${partition.id}/${record.generation}`);
    }
    return engine
      .listGenerations()
      .filter(({ partition, generation }) => !kept.has(`${partition}/${generation}`));
  }

  /** What this store holds, for its registration. */
  held(): HeldPartition[] {
    return this.#options.kvMap.partitions.flatMap((partition) =>
      partition.generation === undefined || partition.entry === undefined
        ? []
        : [
            {
              entry: entryToWire(partition.entry),
              version: { epoch: partition.epoch, seq: partition.seq },
              keys: partition.digest.keys,
              bytes: partition.digest.bytes,
            },
          ],
    );
  }

  /** The newest topology version whose entries the disk holds, of what this store has live data of; 0: none. */
  storedVersion(): TopologyVersion {
    const stored = this.#options.engine.getMeta(versionName);
    return brandAs<TopologyVersion>(stored === undefined ? 0 : Number(Buffer.from(stored).toString()));
  }

  /** Partitions that this store is primary of. */
  owned(): Partition[] {
    return this.#options.kvMap.partitions.filter(
      ({ entry }) => entry !== undefined && sameReplica(entry.primary, this.#self),
    );
  }

  /** Live copies of partitions in which this store has no role, as many as one heartbeat may report. */
  strays(): StrayReplica[] {
    const found: StrayReplica[] = [];
    for (const { id, entry, epoch, generation } of this.#options.kvMap.partitions) {
      if (generation === undefined || (entry && hasRole(entry, this.#self.storeId))) continue;
      found.push({ partition: id, epoch, generation });
      if (found.length === limits.strayReplicasMax) break;
    }
    return found;
  }

  /**
   * Adopts entries in the order of the master's commits. Resolves when they are durable and in force; calls must not
   * overlap. When the engine fails, the next call makes up for it; until then what this store is primary of, with the data
   * that it had before, is read and not written. Returns whether that should reach the disk before the
   * master counts on it: a moved copy went live, whose source will be deleted, or a run took up its share.
   *
   * @param version the topology version that the entries lead to
   */
  async adopt(entries: readonly PartitionEntry[], version: TopologyVersion): Promise<boolean> {
    const { kvMap } = this.#options;
    for (const entry of entries) {
      const partition = kvMap.partitions[entry.partition];
      if (partition === undefined || !isNewer(entry, partition.entry)) continue;
      const { readable, writable } = partition;
      partition.entry = entry;
      refreshGates(partition, this.#self);
      // It closes at once, and opens when the entry is durable: what is here yet may be an older copy.
      partition.readable &&= readable;
      partition.writable &&= writable;
      this.#unsettled.add(partition);
    }
    const changed = [...this.#unsettled];
    try {
      return await this.#record(changed, version);
    } catch (error) {
      if (isDiskRefusal(error)) {
        for (const partition of changed) this.#openForReads(partition, error);
      }
      throw error;
    }
  }

  /** Puts the newest entries on the disk, and then in force. */
  async #record(changed: readonly Partition[], version: TopologyVersion): Promise<boolean> {
    const { engine, generations } = this.#options;
    await generations.prepare(changed.length);
    const live = changed.map((partition) => {
      const copy = this.#copyFor(partition);
      const known = copy?.generation ?? partition.generation;
      return { partition, copy, known, generation: known ?? this.#firstGeneration(partition) };
    });
    const writes: EngineWrite[] = live.flatMap(({ partition, copy, generation }) => {
      if (generation === undefined || partition.entry === undefined) return [];
      const value = encodeLive(generation, partition.entry);
      const wentLive: EngineWrite[] = copy
        ? [{ kind: "meta", name: stagedName(partition.id), value: undefined }]
        : [];
      return [{ kind: "meta", name: liveName(partition.id), value }, ...wentLive];
    });
    const records = writes.length > 0;
    if (records) writes.push({ kind: "meta", name: versionName, value: Buffer.from(String(version)) });
    await engine.commit(writes);
    for (const { partition, copy, known, generation } of live) {
      this.#unsettled.delete(partition);
      partition.unrecorded = undefined;
      if (known === undefined) partition.generation = generation;
      this.#enforce(partition, copy);
    }
    const isFirst = records && !this.#hasRecorded;
    this.#hasRecorded ||= records;
    return isFirst || live.some(({ copy, known, generation }) => copy !== undefined || known !== generation);
  }

  /**
   * Lets go of a generation that this store released: resolves when nothing on the disk names it, and its data is being
   * deleted. After a crash in between it is a leftover, which the next start deletes. Resolves with false when the
   * partition's entry gives this store a role (again): a stale order.
   */
  async retire(partition: Partition, generation: Generation): Promise<boolean> {
    const { engine, discard } = this.#options;
    if (partition.generation === generation) {
      if (partition.entry && hasRole(partition.entry, this.#self.storeId)) return false;
      partition.generation = undefined;
      refreshGates(partition, this.#self);
      try {
        await engine.commit([{ kind: "meta", name: liveName(partition.id), value: undefined }]);
      } catch (error) {
        // The disk still says so: the order comes again.
        partition.generation ??= generation;
        throw error;
      }
    }
    discard(partition.id, generation);
    return true;
  }

  /**
   * The engine cannot record the partition's entry. Its data is what this store had: if it stays that, it can be read, and
   * after a crash the master names the next run anew.
   */
  #openForReads(partition: Partition, error: EkvError): void {
    partition.unrecorded = error;
    if (this.#copyFor(partition) === undefined && partition.generation !== undefined) {
      refreshGates(partition, this.#self);
    }
    partition.writable = false;
    partition.resumeParked();
  }

  /** The staged copy that the partition's entry makes live: its hand-off to this store is committed. */
  #copyFor(partition: Partition): StagedCopy | undefined {
    if (!sameReplica(partition.entry?.primary, this.#self)) return undefined;
    return this.#target?.completed(partition.id);
  }

  /** A primary without data begins with an empty generation. So does a backup that the partition's first entry names. */
  #firstGeneration({ entry }: Partition): Generation | undefined {
    if (entry === undefined) return undefined;
    const isBackup = entry.backups.some((backup) => sameReplica(backup, this.#self));
    const begins = sameReplica(entry.primary, this.#self) || (isBackup && entry.epoch === firstEpoch);
    return begins ? this.#options.generations.next() : undefined;
  }

  #enforce(partition: Partition, copy: StagedCopy | undefined): void {
    const { kvMap } = this.#options;
    if (copy) {
      const old = partition.generation;
      partition.generation = copy.generation;
      partition.seq = copy.version.seq;
      partition.localSeq = copy.version.seq;
      partition.digest = copy.digest;
      this.#target?.adopted(partition.id);
      if (old !== undefined) this.#options.discard(partition.id, old);
    } else if (partition.overlay.isEmpty && partition.seq === 0) {
      kvMap.loadCounters(partition);
    }
    this.#source?.entryAdopted(partition);
    this.#target?.entryAdopted(partition);
    refreshGates(partition, this.#self);
    if (partition.parkedCalls === 0) return;
    if (decideGate(partition, this.#self, true).kind !== "park") partition.resumeParked();
  }
}

/** Epoch decides; within one, learners may come and go, and the master may halt the partition. */
function isNewer(entry: PartitionEntry, known: PartitionEntry | undefined): boolean {
  if (known === undefined || entry.epoch > known.epoch) return true;
  if (entry.epoch < known.epoch || sameEntry(entry, known)) return false;
  return (
    entry.halted || sameEntry({ ...entry, learners: [] }, { ...known, learners: [], halted: entry.halted })
  );
}

function liveName(partition: PartitionId): string {
  return `${livePrefix}${partition}`;
}

/** Generation (4 bytes, big-endian), then the entry as a protobuf message. */
function encodeLive(generation: Generation, entry: PartitionEntry): Uint8Array {
  const message = WireEntry.encode(entryToWire(entry)).finish();
  const bytes = Buffer.alloc(4 + message.length);
  bytes.writeUInt32BE(generation, 0);
  bytes.set(message, 4);
  return bytes;
}

function decodeLive(bytes: Uint8Array): LiveRecord {
  const buffer = Buffer.from(bytes);
  return {
    generation: brandAs<Generation>(buffer.readUInt32BE(0)),
    entry: entryFromWire(WireEntry.decode(buffer.subarray(4))),
  };
}

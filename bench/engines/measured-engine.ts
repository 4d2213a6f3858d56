import { brandAs, type Generation, type PartitionId } from "../../services/core/ids.js";
import type { EngineWrite, StorageEngine } from "../../services/core/ports/storage-engine.js";

/** A key and its record, of one partition. Used again for others once it is committed. */
export interface Put {
  partition: number;
  key: Uint8Array;
  record: Uint8Array;
}

/** What is measured of a storage engine. Every partition has one generation. */
export interface MeasuredEngine {
  get(partition: number, key: Uint8Array): Uint8Array | undefined;
  /** Commits puts, and with them the counters of each of these partitions, as a store does. */
  commit(puts: readonly Put[], counted: Iterable<number>): Promise<void>;
  /** Goes through a frozen view of a partition; returns the number of its entries. */
  scan(partition: number): number;
  /** Deletes a partition's data and counters. */
  drop(partition: number): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** As many bytes as a generation's counters have. */
export const counters: Uint8Array = Buffer.alloc(40, "c");

const generation = brandAs<Generation>(1);

/** What the port was in builds whose stores kept their data on LMDB. */
interface OlderEngine extends Pick<StorageEngine, "get" | "commit" | "flush" | "close"> {
  snapshot(): {
    range(partition: PartitionId, generation: Generation): Iterable<unknown>;
    close(): void;
  };
  deleteGeneration(partition: PartitionId, generation: Generation, limit: number): Promise<number>;
}

/** Records that these builds deleted in one commit. */
const deletedTogether = 256;

/** Any build's engine, in the form of its own port. */
export function measured(engine: unknown): MeasuredEngine {
  return "dropGeneration" in (engine as object)
    ? ofEngine(engine as StorageEngine)
    : ofOlderEngine(engine as OlderEngine);
}

function countersWrite(id: number): EngineWrite {
  return { kind: "counters", partition: brandAs<PartitionId>(id), generation, value: counters };
}

function ofEngine(engine: StorageEngine): MeasuredEngine {
  return {
    ...common(engine, countersWrite),
    scan: (partition) => {
      const snapshot = engine.snapshot(brandAs<PartitionId>(partition), generation);
      const entries = count(snapshot.entries());
      snapshot.close();
      return entries;
    },
    drop: (partition) => engine.dropGeneration(brandAs<PartitionId>(partition), generation),
  };
}

function ofOlderEngine(engine: OlderEngine): MeasuredEngine {
  const nameOf = (partition: number): string => `counters/${partition}/${generation}`;
  return {
    ...common(engine, (partition) => ({ kind: "meta", name: nameOf(partition), value: counters })),
    scan: (partition) => {
      const snapshot = engine.snapshot();
      const entries = count(snapshot.range(brandAs<PartitionId>(partition), generation));
      snapshot.close();
      return entries;
    },
    drop: async (id) => {
      const partition = brandAs<PartitionId>(id);
      while ((await engine.deleteGeneration(partition, generation, deletedTogether)) === deletedTogether);
      await engine.commit([{ kind: "meta", name: nameOf(partition), value: undefined }]);
    },
  };
}

/** An engine that keeps nothing: what is left of a measured loop with it is the loop. */
export const idleEngine: Pick<MeasuredEngine, "commit" | "flush"> = common(
  {
    get: () => undefined,
    commit: () => Promise.resolve(),
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  },
  countersWrite,
);

function common(
  engine: Pick<StorageEngine, "get" | "commit" | "flush" | "close">,
  countersOf: (partition: number) => EngineWrite,
): Pick<MeasuredEngine, "get" | "commit" | "flush" | "close"> {
  return {
    get: (partition, key) => engine.get(brandAs<PartitionId>(partition), generation, key),
    commit: (puts, counted) => {
      const batch: EngineWrite[] = [];
      for (const { partition, key, record } of puts) {
        batch.push({ kind: "put", partition: brandAs<PartitionId>(partition), generation, key, record });
      }
      for (const partition of counted) batch.push(countersOf(partition));
      return engine.commit(batch);
    },
    flush: () => engine.flush(),
    close: () => engine.close(),
  };
}

/** How many there are. */
export function count(entries: Iterable<unknown>): number {
  let sum = 0;
  for (const _ of entries) sum += 1;
  return sum;
}

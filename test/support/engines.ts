import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Generation, type PartitionId, brandAs } from "../../services/core/ids.js";
import type {
  EngineEntry,
  EngineWrite,
  RecordColumns,
  StorageEngine,
} from "../../services/core/ports/storage-engine.js";
import { encodeRecord } from "../../services/core/record.js";
import { systemClock } from "../../services/runtime/clock.js";
import { openLogFolder } from "../../services/store/engine/log/log-folder.js";
import { stillClock } from "./still-clock.js";
import { openLogEngine } from "../../services/store/engine/log/open-log.js";
import { systemRandom } from "../../services/runtime/random.js";
import { openMemoryEngine } from "../../services/store/engine/memory.js";

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "ekv-test-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** An empty engine in memory, that does nothing in the background. */
export function memoryEngine(bytesMax?: number): StorageEngine {
  return openMemoryEngine({
    clock: stillClock,
    random: systemRandom,
    ...(bytesMax !== undefined && { bytesMax }),
  });
}

/** Opens an engine on a log whose segments are small, so that it cleans and rolls soon. */
function openLog(durability: "commit" | "fsync"): (path: string) => Promise<StorageEngine> {
  return async (path) =>
    openLogEngine({
      folder: await openLogFolder(path),
      durability,
      clock: systemClock,
      random: systemRandom,
      segmentBytes: 16_384,
      slackBytes: 65_536,
    });
}

/** Every engine and durability there is, opened on a fresh folder. */
export const engineKinds: readonly {
  readonly kind: string;
  readonly open: (path: string) => Promise<StorageEngine>;
}[] = [
  { kind: "memory", open: async () => memoryEngine() },
  { kind: "log commit", open: openLog("commit") },
  { kind: "log fsync", open: openLog("fsync") },
];

export const partitionOf = (index: number): PartitionId => brandAs<PartitionId>(index);
export const generationOf = (index: number): Generation => brandAs<Generation>(index);

/** A write other than that of many keys. */
export type SingleWrite = Exclude<EngineWrite, { readonly kind: "puts" }>;

/** The same writes, with puts of one generation that follow each other as a single write of columns. */
export function withColumns(writes: readonly SingleWrite[]): EngineWrite[] {
  const packed: EngineWrite[] = [];
  for (const write of writes) {
    const before = packed.at(-1);
    const isNext =
      write.kind === "put" &&
      before?.kind === "puts" &&
      before.partition === write.partition &&
      before.generation === write.generation;
    if (isNext) packed[packed.length - 1] = { ...before, columns: appended(before.columns, write) };
    else packed.push(write.kind === "put" ? putsOf(write) : write);
  }
  return packed;
}

function putsOf(put: SingleWrite & { readonly kind: "put" }): EngineWrite {
  const { partition, generation } = put;
  const none = { keys: Buffer.alloc(0), keyLengths: [], records: Buffer.alloc(0), recordLengths: [] };
  return { kind: "puts", partition, generation, columns: appended(none, put) };
}

function appended(columns: RecordColumns, { key, record }: EngineEntry): RecordColumns {
  return {
    keys: Buffer.concat([columns.keys, key]),
    keyLengths: [...columns.keyLengths, key.length],
    records: Buffer.concat([columns.records, record]),
    recordLengths: [...columns.recordLengths, record.length],
  };
}

/** A put of texts; `seq` tells records of one key apart. */
export function putOf(
  partition: number,
  generation: number,
  key: Uint8Array | string,
  value: Uint8Array | string,
  expiresAtMs = 0,
): SingleWrite {
  return {
    kind: "put",
    partition: partitionOf(partition),
    generation: generationOf(generation),
    key: typeof key === "string" ? Buffer.from(key) : key,
    record: encodeRecord(
      { epoch: brandAs(1), seq: 1, expiresAtMs },
      typeof value === "string" ? Buffer.from(value) : value,
    ),
  };
}

/** A delete, with its tombstone. */
export function deleteOf(partition: number, generation: number, key: Uint8Array | string): SingleWrite {
  return {
    kind: "delete",
    partition: partitionOf(partition),
    generation: generationOf(generation),
    key: typeof key === "string" ? Buffer.from(key) : key,
    record: encodeRecord({ epoch: brandAs(1), seq: 1, expiresAtMs: 0, deleted: true }, Buffer.alloc(0)),
  };
}

/** A write of a generation's counters; the engines do not look into them. */
export function countersOf(partition: number, generation: number, value: Uint8Array | string): SingleWrite {
  return {
    kind: "counters",
    partition: partitionOf(partition),
    generation: generationOf(generation),
    value: Buffer.from(value),
  };
}

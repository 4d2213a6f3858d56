import { EkvError } from "../../../core/errors.js";
import { limits } from "../../../core/limits.js";
import type { EngineWrite, RecordColumns } from "../../../core/ports/storage-engine.js";
import type { DiskSpace } from "../disk-space.js";
import { entryBytes, frameHeaderBytes } from "./layout.js";
import type { LogIndex } from "./log-index.js";

/** Bytes of the index for a key, about. */
const indexBytesPerKey = 14;

/**
 * Bytes that a batch takes in the log. Throws `INTERNAL` for a key that is longer than the log can tell: a bug of the caller.
 */
export function bytesOf(batch: readonly EngineWrite[]): number {
  let bytes = frameHeaderBytes;
  for (const write of batch) bytes += bytesOfWrite(write);
  return bytes;
}

function bytesOfWrite(write: EngineWrite): number {
  switch (write.kind) {
    case "counters":
      return entryBytes(0, write.value.length);
    case "puts":
      return columnsBytes(write.columns);
    case "meta": {
      const nameBytes = Buffer.byteLength(write.name);
      assertKeyFits(nameBytes);
      return entryBytes(nameBytes, write.value?.length ?? 0);
    }
    case "put":
    case "delete":
      assertKeyFits(write.key.length);
      return entryBytes(write.key.length, write.record.length);
  }
}

function columnsBytes({ keyLengths, recordLengths }: RecordColumns): number {
  let bytes = 0;
  for (let i = 0; i < keyLengths.length; i += 1) {
    assertKeyFits(keyLengths[i] as number);
    bytes += entryBytes(keyLengths[i] as number, recordLengths[i] as number);
  }
  return bytes;
}

/** How many keys a batch puts or deletes; of named values and counters, which take little, one each. */
function keysOf(batch: readonly EngineWrite[]): number {
  return batch.reduce((sum, write) => sum + (write.kind === "puts" ? write.columns.keyLengths.length : 1), 0);
}

function assertKeyFits(bytes: number): void {
  if (bytes <= limits.engineKeyBytesMax) return;
  throw new EkvError("INTERNAL", `a key of ${bytes} bytes reached the storage engine`, { notExecuted: true });
}

/** Bytes that a key and its record take now, index included. */
function takenBy(index: LogIndex, ...key: Parameters<LogIndex["find"]>): number {
  const position = index.find(...key);
  return position === 0 ? 0 : index.segments.sizeAt(position) + indexBytesPerKey;
}

function columnsGrowth(
  index: LogIndex,
  { partition, generation, columns }: Extract<EngineWrite, { readonly kind: "puts" }>,
): number {
  const { keys, keyLengths } = columns;
  let growth = columnsBytes(columns) + indexBytesPerKey * keyLengths.length;
  let start = 0;
  for (const length of keyLengths) {
    growth -= takenBy(index, partition, generation, keys, start, start + length);
    start += length;
  }
  return growth;
}

/** Throws `RESOURCE_EXHAUSTED` for a batch that lets what is live grow beyond so many bytes, index included. */
function claimMemory(
  index: LogIndex,
  batch: readonly EngineWrite[],
  bytes: number,
  liveBytesMax: number,
): void {
  const taken = index.liveBytes + indexBytesPerKey * index.keys;
  if (taken + bytes + indexBytesPerKey * keysOf(batch) <= liveBytesMax) return;
  let growth = 0;
  for (const write of batch) {
    if (write.kind === "puts") growth += columnsGrowth(index, write);
    if (write.kind !== "put" && write.kind !== "delete") continue;
    const { partition, generation, key } = write;
    growth -= takenBy(index, partition, generation, key, 0, key.length);
    if (write.kind === "put") growth += entryBytes(key.length, write.record.length) + indexBytesPerKey;
  }
  if (growth <= 0 || taken + growth <= liveBytesMax) return;
  throw new EkvError(
    "RESOURCE_EXHAUSTED",
    `the store's memory is full: ${taken + growth} bytes wanted, ${liveBytesMax} allowed; ` +
      "add a store, delete data, or raise the memory limit",
    { notExecuted: true },
  );
}

/** Throws when there is no room for a batch in memory or on the disk. */
export function claimRoom(
  index: LogIndex,
  batch: readonly EngineWrite[],
  bytes: number,
  { liveBytesMax, space }: { readonly liveBytesMax: number; readonly space: DiskSpace | undefined },
): void {
  const grows = batch.some(({ kind }) => kind === "put" || kind === "puts");
  if (grows) claimMemory(index, batch, bytes, liveBytesMax);
  space?.claim(bytes, grows);
}

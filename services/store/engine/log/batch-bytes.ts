import { EkvError } from "../../../core/errors.js";
import { limits } from "../../../core/limits.js";
import type { EngineWrite } from "../../../core/ports/storage-engine.js";
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
  if (write.kind === "counters") return entryBytes(0, write.value.length);
  const isMeta = write.kind === "meta";
  const keyBytes = isMeta ? Buffer.byteLength(write.name) : write.key.length;
  if (keyBytes > limits.engineKeyBytesMax) {
    throw new EkvError("INTERNAL", `a key of ${keyBytes} bytes reached the storage engine`, {
      notExecuted: true,
    });
  }
  return entryBytes(keyBytes, isMeta ? (write.value?.length ?? 0) : write.record.length);
}

/** Throws `RESOURCE_EXHAUSTED` for a batch that lets what is live grow beyond so many bytes, index included. */
function claimMemory(
  index: LogIndex,
  batch: readonly EngineWrite[],
  bytes: number,
  liveBytesMax: number,
): void {
  const taken = index.liveBytes + indexBytesPerKey * index.keys;
  if (taken + bytes + indexBytesPerKey * batch.length <= liveBytesMax) return;
  let growth = 0;
  for (const write of batch) {
    if (write.kind !== "put" && write.kind !== "delete") continue;
    const { partition, generation, key } = write;
    const old = index.find(partition, generation, key, 0, key.length);
    if (old !== 0) growth -= index.segments.sizeAt(old) + indexBytesPerKey;
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
  const grows = batch.some(({ kind }) => kind === "put");
  if (grows) claimMemory(index, batch, bytes, liveBytesMax);
  space?.claim(bytes, grows);
}

import { assertInvariant } from "../../core/errors.js";
import { type Generation, type PartitionId, brandAs } from "../../core/ids.js";
import { limits } from "../../core/limits.js";
import type { GenerationName } from "../../core/ports/storage-engine.js";

/** Bytes in front of the key in a data key: partition u16, generation u32, both big-endian. */
export const prefixBytes = 6;
/** Bytes in front of the data key in an entry of the expiry index: Unix milliseconds u48, big-endian. */
export const expiryBytes = 6;

/** Up to here a loop is faster than a view of the bytes to copy. */
const loopBytes = 32;
const expiryMsMax = 2 ** 48 - 1;
const scratch: Buffer = Buffer.alloc(expiryBytes + prefixBytes + limits.engineKeyBytesMax);

/** The first bytes of the scratch buffer, by how many: a view made once is one less for every look-up. */
const scratchViews: Buffer[] = [];

function writePrefix(target: Buffer, offset: number, partition: PartitionId, generation: Generation): void {
  target[offset] = partition >>> 8;
  target[offset + 1] = partition;
  target[offset + 2] = generation >>> 24;
  target[offset + 3] = generation >>> 16;
  target[offset + 4] = generation >>> 8;
  target[offset + 5] = generation;
}

/**
 * The data key of the record whose key is at `start` to `end` of `bytes`, in a buffer that the next call overwrites: for
 * look-ups. See {@link dataKey} for a copy.
 */
export function scratchDataKey(
  partition: PartitionId,
  generation: Generation,
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
): Buffer {
  const keyBytes = end - start;
  if (keyBytes > limits.engineKeyBytesMax)
    assertInvariant(false, `a key of ${keyBytes} bytes reached the storage engine`);
  writePrefix(scratch, 0, partition, generation);
  if (keyBytes > loopBytes) scratch.set(bytes.subarray(start, end), prefixBytes);
  else for (let i = 0; i < keyBytes; i += 1) scratch[prefixBytes + i] = bytes[start + i] as number;
  const length = prefixBytes + keyBytes;
  return (scratchViews[length] ??= scratch.subarray(0, length));
}

/** The data key of a record: `[partition][generation][key]`. Sorts by those three, in this order. */
export function dataKey(partition: PartitionId, generation: Generation, key: Uint8Array): Buffer {
  return Buffer.from(scratchDataKey(partition, generation, key));
}

/** The least data key behind every one that begins with these bytes; undefined when there is none. */
export function prefixEnd(prefix: Uint8Array): Buffer | undefined {
  const last = prefix.findLastIndex((byte) => byte !== 0xff);
  if (last < 0) return undefined;
  const end = Buffer.from(prefix.subarray(0, last + 1));
  end[last] = (prefix[last] ?? 0) + 1;
  return end;
}

/** The expiry index's entry of a record: `[expiry][data key]`. Sorts by expiry. */
export function expiryKey(expiresAtMs: number, recordKey: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(expiryBytes + recordKey.length);
  bytes.writeUIntBE(expiresAtMs, 0, expiryBytes);
  bytes.set(recordKey, expiryBytes);
  return bytes;
}

/** The least entry of the expiry index that is later than `wallMs`. */
export function expiryEnd(wallMs: number): Buffer {
  const bytes = Buffer.alloc(expiryBytes);
  bytes.writeUIntBE(Math.min(Math.max(Math.floor(wallMs) + 1, 0), expiryMsMax), 0, expiryBytes);
  return bytes;
}

/** The partition and generation of a data key that begins at `offset`. */
export function generationOf(bytes: Uint8Array, offset = 0): GenerationName {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    partition: brandAs<PartitionId>(view.readUInt16BE(offset)),
    generation: brandAs<Generation>(view.readUInt32BE(offset + 2)),
  };
}

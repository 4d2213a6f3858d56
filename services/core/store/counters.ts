import { PartitionDigest } from "../digest.js";
import { brandAs, type Generation, type PartitionId } from "../ids.js";
import type { StorageEngine } from "../ports/storage-engine.js";

/** What a generation's counters say; stored in the same transaction as its data. */
export interface Counters {
  /** Last seq whose write the generation holds. */
  readonly seq: number;
  readonly digest: PartitionDigest;
}

const sizeBytes = 40;

const countersPrefix = "counters/";

/** Meta name under which a generation's counters are stored. */
export function countersName(partition: PartitionId, generation: Generation): string {
  return `${countersPrefix}${partition}/${generation}`;
}

/** The generations of which an engine has counters, with data or without. */
export function countedGenerations(
  engine: Pick<StorageEngine, "listMeta">,
): readonly { readonly partition: PartitionId; readonly generation: Generation }[] {
  return engine.listMeta(countersPrefix).map(({ name }) => {
    const [partition, generation] = name.slice(countersPrefix.length).split("/").map(Number);
    return {
      partition: brandAs<PartitionId>(partition ?? 0),
      generation: brandAs<Generation>(generation ?? 0),
    };
  });
}

/** 40 bytes: seq, keys and bytes as doubles, then the 16 bytes of the digest. */
export function encodeCounters(seq: number, digest: PartitionDigest): Uint8Array {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  bytes.writeDoubleBE(seq, 0);
  bytes.writeDoubleBE(digest.keys, 8);
  bytes.writeDoubleBE(digest.bytes, 16);
  digest.writeTo(bytes, 24);
  return bytes;
}

/** The reverse of {@link encodeCounters}; undefined bytes are an empty generation. */
export function decodeCounters(bytes: Uint8Array | undefined): Counters {
  if (bytes === undefined) return { seq: 0, digest: new PartitionDigest() };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    seq: view.getFloat64(0),
    digest: PartitionDigest.from({
      sum: bytes.subarray(24, 40),
      keys: view.getFloat64(8),
      bytes: view.getFloat64(16),
    }),
  };
}

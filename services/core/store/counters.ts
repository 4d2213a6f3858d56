import { PartitionDigest } from "../digest.js";

/** What a generation's counters say; committed with its data. */
export interface Counters {
  /** Last seq whose write the generation holds. */
  readonly seq: number;
  readonly digest: PartitionDigest;
}

const sizeBytes = 40;

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

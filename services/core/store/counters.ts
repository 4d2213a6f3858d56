import { PartitionDigest } from "../digest.js";

/** What a generation's counters say; committed with its data. */
export interface Counters {
  /** Last seq whose write the generation holds. */
  readonly seq: number;
  readonly digest: PartitionDigest;
}

const sizeBytes = 40;
/** Numbers are put together here: to write one into a Buffer costs several times as much. */
const scratch = Buffer.alloc(sizeBytes);
const scratchView = new DataView(scratch.buffer, scratch.byteOffset, sizeBytes);

/** 40 bytes: seq, keys and bytes as doubles, then the 16 bytes of the digest. */
export function encodeCounters(seq: number, digest: PartitionDigest): Uint8Array {
  scratchView.setFloat64(0, seq);
  scratchView.setFloat64(8, digest.keys);
  scratchView.setFloat64(16, digest.bytes);
  digest.writeTo(scratchView, 24);
  return Buffer.from(scratch);
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

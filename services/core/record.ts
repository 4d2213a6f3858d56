import { type Epoch, brandAs } from "./ids.js";
import type { Version } from "./topology.js";

const expiresFlag = 1;
const deletedFlag = 2;
const seqOffset = 5;
const expiryOffset = 11;

/** Bytes before the value of a record that never expires. */
const recordHeaderBytes = 11;
/** Bytes before the value of a record that expires. */
const recordHeaderBytesExpiring = 17;

/** What a record says besides its value. */
export interface RecordHeader extends Version {
  /** Unix milliseconds; 0: never. */
  readonly expiresAtMs: number;
  /** A tombstone: on its way to a follower, never stored. Default false. */
  readonly deleted?: boolean;
}

function writeUint48(bytes: Uint8Array, offset: number, value: number): void {
  const high = Math.floor(value / 2 ** 32);
  const low = value >>> 0;
  bytes[offset] = high >>> 8;
  bytes[offset + 1] = high;
  bytes[offset + 2] = low >>> 24;
  bytes[offset + 3] = low >>> 16;
  bytes[offset + 4] = low >>> 8;
  bytes[offset + 5] = low;
}

function readUint32(bytes: Uint8Array, offset: number): number {
  const high = ((bytes[offset] as number) << 8) | (bytes[offset + 1] as number);
  return ((high << 16) | ((bytes[offset + 2] as number) << 8) | (bytes[offset + 3] as number)) >>> 0;
}

function readUint48(bytes: Uint8Array, offset: number): number {
  const high = ((bytes[offset] as number) << 8) | (bytes[offset + 1] as number);
  return high * 2 ** 32 + readUint32(bytes, offset + 2);
}

/**
 * A record as stored and sent: flags (1 byte: 1 = expires, 2 = deleted), epoch (4), seq (6), expiry (6, only with
 * flag 1), value. Big-endian.
 */
export function encodeRecord(header: RecordHeader, value: Uint8Array): Uint8Array {
  const expires = header.expiresAtMs !== 0;
  const headerBytes = expires ? recordHeaderBytesExpiring : recordHeaderBytes;
  // From Node's pool: an array of its own would cost more than everything else here.
  const bytes = Buffer.allocUnsafe(headerBytes + value.length);
  bytes[0] = (expires ? expiresFlag : 0) | (header.deleted ? deletedFlag : 0);
  bytes[1] = header.epoch >>> 24;
  bytes[2] = header.epoch >>> 16;
  bytes[3] = header.epoch >>> 8;
  bytes[4] = header.epoch;
  writeUint48(bytes, seqOffset, header.seq);
  if (expires) writeUint48(bytes, expiryOffset, header.expiresAtMs);
  bytes.set(value, headerBytes);
  return bytes;
}

/** Whether the bytes at `start` to `end` can be a record: its flags are known, and its header is whole. */
export function isRecord(bytes: Uint8Array, start = 0, end: number = bytes.length): boolean {
  if (start >= end || end > bytes.length) return false;
  if ((bytes[start] as number) > (expiresFlag | deletedFlag)) return false;
  return end >= recordValueOffset(bytes, start);
}

/** The epoch of the write that stored the record at `offset`. */
export function recordEpoch(bytes: Uint8Array, offset = 0): Epoch {
  return brandAs<Epoch>(readUint32(bytes, offset + 1));
}

/** The seq of the write that stored the record at `offset`. */
export function recordSeq(bytes: Uint8Array, offset = 0): number {
  return readUint48(bytes, offset + seqOffset);
}

/** The version of the record at `offset`. */
export function recordVersion(bytes: Uint8Array, offset = 0): Version {
  return { epoch: recordEpoch(bytes, offset), seq: recordSeq(bytes, offset) };
}

/** When the record at `offset` expires, in Unix milliseconds; 0: never. */
export function recordExpiresAtMs(bytes: Uint8Array, offset = 0): number {
  return (bytes[offset] as number) & expiresFlag ? readUint48(bytes, offset + expiryOffset) : 0;
}

/** Where the value begins in the record at `offset`. */
export function recordValueOffset(bytes: Uint8Array, offset = 0): number {
  return offset + ((bytes[offset] as number) & expiresFlag ? recordHeaderBytesExpiring : recordHeaderBytes);
}

/** Whether the record at `offset` is a tombstone. */
export function recordIsDeleted(bytes: Uint8Array, offset = 0): boolean {
  return ((bytes[offset] as number) & deletedFlag) !== 0;
}

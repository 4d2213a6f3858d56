import { crc32 } from "node:zlib";
import { limits } from "../core/limits.js";
import { isRecord } from "../core/record.js";
import type { CopiedRecord } from "../core/store/staged-copy.js";
import type { RecordBatch } from "../gen/elastickv/v1/migration.js";

/** Records as columns; see RecordBatch in migration.proto. */
export function encodeRecordBatch(records: readonly CopiedRecord[]): RecordBatch {
  return {
    keys: Buffer.concat(records.map(({ key }) => key)),
    keyLengths: records.map(({ key }) => key.length),
    records: Buffer.concat(records.map(({ record }) => record)),
    recordLengths: records.map(({ record }) => record.length),
  };
}

/** The records of a batch as views into it, or undefined when its columns contradict each other or hold no records. */
export function decodeRecordBatch(batch: RecordBatch): readonly CopiedRecord[] | undefined {
  const { keys, keyLengths, records, recordLengths } = batch;
  if (keyLengths.length !== recordLengths.length) return undefined;
  const decoded: CopiedRecord[] = [];
  let keyOffset = 0;
  let recordOffset = 0;
  for (const [index, keyLength] of keyLengths.entries()) {
    const recordLength = recordLengths[index] ?? 0;
    if (keyLength === 0 || keyLength > limits.keyBytesMax) return undefined;
    const record = records.subarray(recordOffset, recordOffset + recordLength);
    if (!isRecord(record)) return undefined;
    decoded.push({ key: keys.subarray(keyOffset, keyOffset + keyLength), record });
    keyOffset += keyLength;
    recordOffset += recordLength;
  }
  return keyOffset === keys.length && recordOffset === records.length ? decoded : undefined;
}

/** CRC-32 of a batch: its keys, then its records. */
export function checksumOf(batch: RecordBatch): number {
  return crc32(batch.records, crc32(batch.keys));
}

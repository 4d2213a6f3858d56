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

/** Whether the columns of a batch fit each other and hold keys and records. */
export function isRecordBatch({ keys, keyLengths, records, recordLengths }: RecordBatch): boolean {
  if (keyLengths.length !== recordLengths.length) return false;
  let keysEnd = 0;
  let recordsEnd = 0;
  for (let i = 0; i < keyLengths.length; i += 1) {
    const keyLength = keyLengths[i] as number;
    const recordStart = recordsEnd;
    if (keyLength === 0 || keyLength > limits.keyBytesMax) return false;
    keysEnd += keyLength;
    recordsEnd += recordLengths[i] as number;
    if (!isRecord(records, recordStart, recordsEnd)) return false;
  }
  return keysEnd === keys.length && recordsEnd === records.length;
}

/** The records of a batch as views into it, or undefined when it is none: see {@link isRecordBatch}. */
export function decodeRecordBatch(batch: RecordBatch): readonly CopiedRecord[] | undefined {
  if (!isRecordBatch(batch)) return undefined;
  const { keys, keyLengths, records, recordLengths } = batch;
  let keyEnd = 0;
  let recordEnd = 0;
  return keyLengths.map((keyLength, i) => {
    keyEnd += keyLength;
    const recordStart = recordEnd;
    recordEnd += recordLengths[i] as number;
    return {
      key: keys.subarray(keyEnd - keyLength, keyEnd),
      record: records.subarray(recordStart, recordEnd),
    };
  });
}

/** CRC-32 of a batch: its keys, then its records. */
export function checksumOf(batch: RecordBatch): number {
  return crc32(batch.records, crc32(batch.keys));
}

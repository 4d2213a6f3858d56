import { type Generation, type PartitionId, brandAs } from "../../../core/ids.js";
import { limits } from "../../../core/limits.js";
import type { ExpiredKey } from "../../../core/ports/storage-engine.js";
import { recordExpiresAtMs } from "../../../core/record.js";
import type { ExpiryCursor } from "./expiry-index.js";
import { generationAt, partitionAt, recordStartAt } from "./layout.js";
import type { LogIndex } from "./log-index.js";

const cursorBytes = 12;

function encodeCursor({ bucket, slot }: ExpiryCursor): Uint8Array {
  const bytes = Buffer.alloc(cursorBytes);
  bytes.writeDoubleBE(bucket, 0);
  bytes.writeUInt32BE(slot, 8);
  return bytes;
}

function decodeCursor(bytes: Uint8Array): ExpiryCursor {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { bucket: view.readDoubleBE(0), slot: view.readUInt32BE(8) };
}

/** What has expired at `wallMs`: see `StorageEngine.expired`. */
export function findExpired(
  index: LogIndex,
  wallMs: number,
  limit: number,
  behind?: Uint8Array,
): readonly ExpiredKey[] {
  const { segments, expiry } = index;
  const found: ExpiredKey[] = [];
  if (limit <= 0) return found;
  let looks = 0;
  for (const cursor of expiry.walk(wallMs, behind && decodeCursor(behind))) {
    // A damaged one cannot be deleted either: it stays for whoever asks for its key.
    if (!segments.isIntact(cursor.position)) continue;
    const { words, bytes, start } = segments;
    const isDue = recordExpiresAtMs(bytes, recordStartAt(words, start)) <= wallMs;
    // Entries of a dropped generation leave the index of expiries a little later.
    if (!isDue || !index.isNewest(cursor.position)) {
      looks += 1;
      // Neither stays so: the second ends, and the dropped ones leave.
      if (looks === limits.expiryLooksMax) return found;
      continue;
    }
    const partition = brandAs<PartitionId>(partitionAt(words, start));
    const generation = brandAs<Generation>(generationAt(words, start));
    const key = Buffer.from(segments.keyAt(cursor.position));
    found.push({ partition, generation, key, position: encodeCursor(cursor) });
    if (found.length === limit) return found;
  }
  return found;
}

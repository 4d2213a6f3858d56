import assert from "node:assert/strict";
import { csvHeader, encodeCsv, readCsv } from "../../cli/transfer/csv.js";
import type { ReadItem, TransferEntry } from "../../cli/transfer/entry.js";
import { encodeNdjson, readNdjson } from "../../cli/transfer/ndjson.js";

/** As a file is read. */
const pieceBytes = 262_144;

const formats = {
  ndjson: {
    write: encodeNdjson,
    read: (content: Buffer) => readNdjson(inPieces(content, pieceBytes)),
  },
  "csv as text": {
    write: (entry: TransferEntry) => csvHeader + encodeCsv(entry, "text"),
    read: (content: Buffer) => readCsv(inPieces(content, pieceBytes), "text"),
  },
  "csv in base64": {
    write: (entry: TransferEntry) => csvHeader + encodeCsv(entry, "base64"),
    read: (content: Buffer) => readCsv(inPieces(content, pieceBytes), "base64"),
  },
};

/** Bytes as a stream that breaks anywhere. */
export async function* inPieces(content: Buffer, size: number): AsyncGenerator<Buffer, void, undefined> {
  for (let start = 0; start < content.length; start += size) {
    await Promise.resolve();
    yield content.subarray(start, start + size);
  }
}

/** Everything that a stream gives. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** The entries of what was read; fails when a line was bad. */
export function entriesOf(items: readonly ReadItem[]): TransferEntry[] {
  return items.map((item) => {
    assert.ok("entry" in item, JSON.stringify(item));
    return item.entry;
  });
}

/** Writes an entry whose value is one byte over and over, and reads it back. */
export async function requireRoundTrip(
  format: keyof typeof formats,
  sizeBytes: number,
  filler: number,
): Promise<void> {
  const { write, read } = formats[format];
  const value = Buffer.alloc(sizeBytes, filler);
  const content = Buffer.from(write({ key: Buffer.from("a"), value, expiresAtMs: 0 }));
  const [found] = entriesOf(await collect(read(content)));
  // Not deepEqual: its report of a difference would hold both values.
  assert.ok(found?.value.equals(value), `${format}: ${sizeBytes} bytes of ${filler}`);
}

import { invalidArgument } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { EngineRangeStart } from "../core/ports/storage-engine.js";
import { recordExpiresAtMs, recordValueOffset, recordVersion } from "../core/record.js";
import { decideGate } from "../core/store/gate.js";
import type { KVMap } from "../core/store/kv-map.js";
import type { Partition } from "../core/store/partition.js";
import type { Replica } from "../core/topology.js";
import type { BrowseEntry, BrowseRequest, BrowseResponse } from "../gen/elastickv/v1/store.js";
import { entryToWire } from "../wire/topology.js";

/** Where a browse stands: behind this key of this partition. */
interface Cursor {
  readonly partition: number;
  /** Empty: at the partition's start. */
  readonly key: Uint8Array;
}

/** Partition (4 bytes, big-endian), then the key. Opaque to callers. */
export function encodeCursor({ partition, key }: Cursor): Uint8Array {
  const bytes = Buffer.alloc(4 + key.length);
  bytes.writeUInt32BE(partition, 0);
  bytes.set(key, 4);
  return bytes;
}

/** The reverse of {@link encodeCursor}; undefined for the empty cursor. Throws INVALID_ARGUMENT for a bad one. */
export function decodeCursor(bytes: Uint8Array, partitionCount: number): Cursor | undefined {
  if (bytes.length === 0) return undefined;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const partition = bytes.length < 4 ? Infinity : buffer.readUInt32BE(0);
  if (partition >= partitionCount || bytes.length > 4 + limits.keyBytesMax) {
    throw invalidArgument(
      "cursor",
      "is not one of this cluster's; give back the cursor of an earlier answer",
    );
  }
  return { partition, key: buffer.subarray(4) };
}

/** What a browse works with. */
export interface BrowseOptions {
  readonly kvMap: KVMap;
  self(): Replica;
}

/**
 * Pages of a browse, partition after partition. Entries are read page by page from committed state, so a long browse
 * holds nothing up; a partition that is not (or no longer) served here is answered with its entry and the cursor.
 */
export function* browse(options: BrowseOptions, request: BrowseRequest): IterableIterator<BrowseResponse> {
  const { kvMap } = options;
  const cursor = decodeCursor(request.cursor, kvMap.partitions.length);
  if (request.prefix.length > limits.keyBytesMax) {
    throw invalidArgument(
      "prefix",
      `has ${request.prefix.length} bytes; keys have at most ${limits.keyBytesMax}`,
    );
  }
  let left = request.limit === 0 ? Infinity : request.limit;
  for (const partition of partitionsOf(options, request, cursor)) {
    const start = cursor?.partition === partition.id && cursor.key.length > 0 ? cursor.key : undefined;
    for (const page of browsePartition(options, request, partition, start, left)) {
      left -= page.entries.length;
      yield page;
      if (left <= 0) return;
    }
  }
}

function partitionsOf(
  { kvMap, self }: BrowseOptions,
  { partitions }: BrowseRequest,
  cursor: Cursor | undefined,
): Partition[] {
  const asked = partitions.map((id, index) => {
    const partition = kvMap.partitions[id];
    if (!partition)
      throw invalidArgument("partitions", `names ${id}; this cluster has ${kvMap.partitions.length}`);
    if (index > 0 && id <= (partitions[index - 1] ?? 0)) {
      throw invalidArgument("partitions", `must ascend, each once; ${id} does not`);
    }
    return partition;
  });
  const chosen =
    asked.length > 0
      ? asked
      : kvMap.partitions.filter(({ entry }) => entry?.primary?.storeId === self().storeId);
  return chosen.filter(({ id }) => cursor === undefined || id >= cursor.partition);
}

function* browsePartition(
  options: BrowseOptions,
  { prefix, keysOnly }: BrowseRequest,
  partition: Partition,
  behind: Uint8Array | undefined,
  limit: number,
): IterableIterator<BrowseResponse> {
  let from: EngineRangeStart | undefined =
    behind !== undefined
      ? { key: behind, inclusive: false }
      : prefix.length > 0
        ? { key: prefix, inclusive: true }
        : undefined;
  for (let left = limit; left > 0;) {
    // Before every page: the partition may have left since the last.
    if (decideGate(partition, options.self(), false).kind !== "open") {
      const cursor = encodeCursor({
        partition: partition.id,
        key: from?.inclusive === false ? from.key : empty,
      });
      yield {
        entries: [],
        cursor,
        finishedPartitions: [],
        moved: partition.entry ? [entryToWire(partition.entry)] : [],
      };
      return;
    }
    const { entries, finished } = readPage(options.kvMap, partition, from, prefix, keysOnly, left);
    const last = entries.at(-1);
    if (last) from = { key: last.key, inclusive: false };
    left -= entries.length;
    yield {
      entries,
      cursor: encodeCursor({ partition: partition.id, key: last?.key ?? behind ?? empty }),
      finishedPartitions: finished ? [partition.id] : [],
      moved: [],
    };
    if (finished) return;
  }
}

const empty = new Uint8Array(0);

function readPage(
  kvMap: KVMap,
  partition: Partition,
  from: EngineRangeStart | undefined,
  prefix: Uint8Array,
  keysOnly: boolean,
  limit: number,
): { readonly entries: BrowseEntry[]; readonly finished: boolean } {
  const entries: BrowseEntry[] = [];
  let bytes = 0;
  for (const { key, record } of kvMap.browse(partition, from)) {
    if (!startsWith(key, prefix)) return { entries, finished: true };
    const value = keysOnly ? empty : record.subarray(recordValueOffset(record));
    entries.push({ key, value, version: recordVersion(record), expiresAtMs: recordExpiresAtMs(record) });
    bytes += key.length + value.length;
    const full = entries.length >= limits.browsePageEntries || bytes >= limits.answerBytesTarget;
    if (full || entries.length >= limit) return { entries, finished: false };
  }
  return { entries, finished: true };
}

function startsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return prefix.length <= key.length && prefix.every((byte, index) => key[index] === byte);
}

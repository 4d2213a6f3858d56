import { invalidArgument } from "../core/errors.js";
import { limits } from "../core/limits.js";
import { recordExpiresAtMs, recordValueOffset, recordVersion } from "../core/record.js";
import { decideGate } from "../core/store/gate.js";
import type { KVMap } from "../core/store/kv-map.js";
import type { Partition } from "../core/store/partition.js";
import type { Replica } from "../core/topology.js";
import type { BrowseRequest, BrowseResponse } from "../gen/elastickv/v1/store.js";
import { entryToWire } from "../wire/topology.js";

/** Where a browse stands: behind this key of this partition. */
interface Cursor {
  readonly partition: number;
  /** Empty: at the partition's start. */
  readonly key: Uint8Array;
}

const empty = new Uint8Array(0);

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
  const { kvMap, self } = options;
  const cursor = decodeCursor(request.cursor, kvMap.partitions.length);
  if (request.prefix.length > limits.keyBytesMax) {
    throw invalidArgument(
      "prefix",
      `has ${request.prefix.length} bytes; keys have at most ${limits.keyBytesMax}`,
    );
  }
  let left = request.limit === 0 ? Infinity : request.limit;
  let page = new Page(request, left);
  const take = (): BrowseResponse => {
    const { answer } = page;
    left -= answer.entries.length;
    page = new Page(request, left);
    return answer;
  };
  for (const partition of partitionsOf(options, request, cursor)) {
    let behind = cursor?.partition === partition.id && cursor.key.length > 0 ? cursor.key : undefined;
    for (let finished = false; !finished;) {
      // Before every page: the partition may have left since the last.
      if (decideGate(partition, self(), false).kind !== "open") {
        page.addMoved(partition, behind);
        yield take();
        break;
      }
      ({ finished, behind } = page.fill(kvMap, partition, behind));
      if (page.isFull) yield take();
      if (left <= 0) return;
    }
  }
  if (page.answer.finishedPartitions.length > 0) yield page.answer;
}

/** An answer in the making: entries of one partition or of several. */
class Page {
  readonly answer: BrowseResponse = { entries: [], cursor: empty, finishedPartitions: [], moved: [] };
  readonly #request: BrowseRequest;
  readonly #entriesMax: number;
  #bytes = 0;
  /** An entry was left for the next page, as it did not fit. */
  #overflowed = false;

  constructor(request: BrowseRequest, limit: number) {
    this.#request = request;
    this.#entriesMax = Math.min(limits.browsePageEntries, limit);
  }

  get isFull(): boolean {
    const { entries, finishedPartitions } = this.answer;
    return (
      this.#overflowed ||
      entries.length >= this.#entriesMax ||
      this.#bytes >= limits.answerBytesTarget ||
      finishedPartitions.length >= limits.browsePagePartitions
    );
  }

  /**
   * Adds entries of a partition, from behind a key, until it is finished or the page is full. Returns the key to go on
   * behind. A page of several entries stays within the target; only one entry alone may be longer.
   */
  fill(
    kvMap: KVMap,
    partition: Partition,
    behind: Uint8Array | undefined,
  ): { finished: boolean; behind: Uint8Array | undefined } {
    const { prefix, keysOnly } = this.#request;
    const { entries, finishedPartitions } = this.answer;
    let last = behind;
    for (const { key, record } of kvMap.browse(partition, { prefix, behind })) {
      const value = keysOnly ? empty : record.subarray(recordValueOffset(record));
      const bytes = key.length + value.length;
      this.#overflowed = entries.length > 0 && this.#bytes + bytes > limits.answerBytesTarget;
      if (this.#overflowed) break;
      entries.push({ key, value, version: recordVersion(record), expiresAtMs: recordExpiresAtMs(record) });
      this.#bytes += bytes;
      last = key;
      if (this.isFull) break;
    }
    this.answer.cursor = encodeCursor({ partition: partition.id, key: last ?? empty });
    const finished = !this.#overflowed && (!this.isFull || last === behind);
    if (finished) finishedPartitions.push(partition.id);
    return { finished, behind: last };
  }

  /** Says that a partition is to be browsed elsewhere, from behind this key. */
  addMoved({ id, entry }: Partition, behind: Uint8Array | undefined): void {
    this.answer.cursor = encodeCursor({ partition: id, key: behind ?? empty });
    if (entry) this.answer.moved.push(entryToWire(entry));
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

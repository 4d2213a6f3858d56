import type { Generation, PartitionId } from "../../core/ids.js";
import type {
  EngineEntry,
  EngineRangeBounds,
  ExpiredKey,
  GenerationName,
} from "../../core/ports/storage-engine.js";
import { dataKey, expiryBytes, expiryEnd, generationOf, prefixBytes, prefixEnd } from "./layout.js";

/** Where a page of an ordered table lies. */
export interface PageBounds {
  readonly start: Uint8Array;
  /** Leaves out `start` itself. Default false. */
  readonly exclusive?: boolean;
  /** First key behind the page; undefined: to the end of the table. */
  readonly end?: Uint8Array | undefined;
  readonly limit: number;
}

/** A table whose keys sort by their bytes: what both engines are made of. Everything returned is a copy. */
export interface OrderedTable {
  keys(bounds: PageBounds): readonly Uint8Array[];
  /**
   * Entries within the bounds. It may stop before `limit` once it holds {@link pageBytesTarget}, but never before the
   * first; `more` is false when nothing lies behind it.
   */
  entries(bounds: PageBounds): { readonly entries: readonly EngineEntry[]; readonly more: boolean };
}

/** Entries of a page that {@link rangeOf} reads. */
const pageEntries = 256;
/** Bytes of records at which a page ends: bounds the memory of a range over large values. */
export const pageBytesTarget = 1_048_576;

const emptyKey = new Uint8Array(0);

/** The entries of a generation within bounds, in byte order of their keys, read page by page. */
export function* rangeOf(
  data: OrderedTable,
  partition: PartitionId,
  generation: Generation,
  { prefix = emptyKey, behind }: EngineRangeBounds = {},
): IterableIterator<EngineEntry> {
  const first = dataKey(partition, generation, prefix);
  const end = prefixEnd(first);
  let start = behind === undefined ? first : dataKey(partition, generation, behind);
  let exclusive = behind !== undefined;
  if (start.compare(first) < 0) {
    start = first;
    exclusive = false;
  }
  if (end !== undefined && start.compare(end) >= 0) return;
  for (;;) {
    const page = data.entries({ start, exclusive, end, limit: pageEntries });
    for (const { key, record } of page.entries) yield { key: key.subarray(prefixBytes), record };
    const last = page.entries.at(-1);
    if (!page.more || last === undefined) return;
    start = Buffer.from(last.key);
    exclusive = true;
  }
}

/** The data keys of up to `limit` records of a generation. */
export function generationKeys(
  data: OrderedTable,
  partition: PartitionId,
  generation: Generation,
  limit: number,
): readonly Uint8Array[] {
  const start = dataKey(partition, generation, emptyKey);
  return data.keys({ start, end: prefixEnd(start), limit });
}

/** The generations that a data table holds any record of, one seek each, and those that have counters; ascending. */
export function generationsOf(
  data: OrderedTable,
  counted: readonly GenerationName[],
): readonly GenerationName[] {
  const found = new Map<string, GenerationName>();
  for (const one of [...generationsWithData(data), ...counted]) {
    found.set(`${one.partition}/${one.generation}`, one);
  }
  return [...found.values()].toSorted((a, b) => a.partition - b.partition || a.generation - b.generation);
}

function generationsWithData(data: OrderedTable): readonly GenerationName[] {
  const found: GenerationName[] = [];
  let start: Uint8Array | undefined = new Uint8Array(1);
  while (start !== undefined) {
    const first: Uint8Array | undefined = data.keys({ start, limit: 1 })[0];
    if (first === undefined) break;
    const { partition, generation } = generationOf(first);
    found.push({ partition, generation });
    start = prefixEnd(dataKey(partition, generation, emptyKey));
  }
  return found;
}

/** What an expiry index says has expired at `wallMs`, oldest first; see {@link StorageEngine.expired}. */
export function expiredOf(
  expiry: OrderedTable,
  wallMs: number,
  limit: number,
  behind?: Uint8Array,
): readonly ExpiredKey[] {
  const start = behind ?? new Uint8Array(1);
  const end = expiryEnd(wallMs);
  if (end.compare(start) <= 0) return [];
  const found = expiry.keys({ start, exclusive: behind !== undefined, end, limit });
  return found.map((position) => ({
    ...generationOf(position, expiryBytes),
    key: position.subarray(expiryBytes + prefixBytes),
    position,
  }));
}

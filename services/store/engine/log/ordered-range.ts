import { limits } from "../../../core/limits.js";
import type { EngineEntry, EngineRangeBounds } from "../../../core/ports/storage-engine.js";
import { compareKey, type GenerationIndex } from "./generation-index.js";
import type { Leaf } from "./leaf.js";
import type { Position, SegmentMap } from "./segments.js";

/** Entries that are copied at a time. */
const pageEntries = 256;
/** Bytes of records at which a page ends: bounds the memory of a range over large values. */
const pageBytesTarget = 1_048_576;

const noKey = new Uint8Array(0);

/** The keys of leaves in order: sorted when they are asked for, and kept until the leaf changes. */
export class LeafOrders {
  readonly #orders = new Map<Leaf, { readonly version: number; readonly positions: Uint32Array }>();

  /** The positions of a leaf's entries, in byte order of their keys. */
  of(leaf: Leaf, segments: SegmentMap): Uint32Array {
    const known = this.#orders.get(leaf);
    if (known?.version === leaf.version) return known.positions;
    const positions = sorted(leaf.positions(), segments);
    this.#orders.delete(leaf);
    this.#orders.set(leaf, { version: leaf.version, positions });
    if (this.#orders.size > limits.leafOrdersMax) {
      const [oldest] = this.#orders.keys();
      if (oldest !== undefined) this.#orders.delete(oldest);
    }
    return positions;
  }
}

function sorted(positions: Uint32Array, segments: SegmentMap): Uint32Array {
  const keys = Array.from(positions, (position) => ({
    position,
    key: Buffer.from(segments.keyAt(position)),
  }));
  keys.sort((a, b) => compareKey(a.key, 0, a.key.length, b.key));
  return Uint32Array.from(keys, ({ position }) => position);
}

/** The first of some ordered positions whose key is at or behind `key`, or behind it when that is left out. */
function lowerBound(
  positions: Uint32Array,
  segments: SegmentMap,
  key: Uint8Array,
  exclusive: boolean,
): number {
  let low = 0;
  let high = positions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = segments.keyAt(positions[middle] as number);
    const order = compareKey(at, 0, at.length, key);
    if (order < 0 || (exclusive && order === 0)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function startsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return prefix.every((byte, i) => key[i] === byte);
}

/** What a range reads: asked for anew before each page, for it may have changed. */
export interface RangeSource {
  readonly segments: SegmentMap;
  readonly orders: LeafOrders;
  /** Undefined: nothing is stored of the generation. */
  index(): GenerationIndex | undefined;
}

/** The entries of a generation within bounds, in byte order of their keys, a leaf or a part of one at a time. */
export function* orderedRange(
  source: RangeSource,
  { prefix = noKey, behind }: EngineRangeBounds = {},
): IterableIterator<EngineEntry> {
  const isBehindPrefix = behind !== undefined && compareKey(behind, 0, behind.length, prefix) >= 0;
  let from: Uint8Array = isBehindPrefix ? behind : prefix;
  let exclusive = isBehindPrefix;
  for (;;) {
    const { entries, next } = pageOf(source, from, exclusive, prefix);
    yield* entries;
    if (next === undefined) return;
    from = next.from;
    exclusive = next.exclusive;
  }
}

interface Page {
  readonly entries: readonly EngineEntry[];
  /** Where the next page begins; undefined: there is none. */
  readonly next: { readonly from: Uint8Array; readonly exclusive: boolean } | undefined;
}

function pageOf(source: RangeSource, from: Uint8Array, exclusive: boolean, prefix: Uint8Array): Page {
  const { segments, orders } = source;
  const index = source.index();
  if (index === undefined) return { entries: [], next: undefined };
  const number = index.leafOf(from, 0, from.length);
  const positions = orders.of(index.leaves[number] as Leaf, segments);
  const entries: EngineEntry[] = [];
  let bytes = 0;
  for (let i = lowerBound(positions, segments, from, exclusive); i < positions.length; i += 1) {
    const position: Position = positions[i] as number;
    const key = Buffer.from(segments.keyAt(position));
    if (!startsWith(key, prefix)) return { entries, next: undefined };
    const last = entries.at(-1);
    if (last !== undefined && (entries.length === pageEntries || bytes >= pageBytesTarget)) {
      return { entries, next: { from: last.key, exclusive: true } };
    }
    const record = segments.recordAt(position);
    entries.push({ key, record });
    bytes += record.length;
  }
  const following = index.leaves[number + 1];
  return { entries, next: following && { from: following.lowKey, exclusive: false } };
}

import sortedBTree from "sorted-btree";
import { EkvError } from "../../core/errors.js";
import type { Generation, PartitionId } from "../../core/ids.js";
import type {
  EngineEntry,
  EngineRangeBounds,
  EngineSnapshot,
  EngineWrite,
  GenerationName,
  StorageEngine,
} from "../../core/ports/storage-engine.js";
import { recordExpiresAtMs } from "../../core/record.js";
import { engineClosed, snapshotClosed } from "./closed.js";
import { expiryKey, generationOf, scratchDataKey } from "./layout.js";
import {
  type OrderedTable,
  type PageBounds,
  expiredOf,
  generationKeys,
  generationsOf,
  pageBytesTarget,
  rangeOf,
} from "./ordered-table.js";

const BTree = sortedBTree.default;
// Keys are their bytes as latin1 text: JavaScript compares texts by code unit, which is then byte order.
type Tree<V> = InstanceType<typeof BTree<string, V>>;

/** Bytes that a record is taken to cost besides its key and itself: tree, string and array headers. */
const memoryRecordOverheadBytes = 160;

/** How a memory engine is opened. */
export interface MemoryEngineOptions {
  /**
   * Most bytes of keys and records, {@link memoryRecordOverheadBytes} for each included; counters and meta values do
   * not count.
   * A batch that grows beyond it is refused with `RESOURCE_EXHAUSTED`; one that shrinks never is. Default: no limit.
   */
  readonly bytesMax?: number;
}

interface State {
  readonly data: Tree<Uint8Array>;
  readonly expiry: Tree<undefined>;
  /** By what the data keys of their generation begin with. */
  readonly counters: Tree<Uint8Array>;
  readonly meta: Tree<Uint8Array>;
  bytes: number;
}

const emptyKey = new Uint8Array(0);

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

function cloneOf(state: State): State {
  return {
    data: state.data.clone(),
    expiry: state.expiry.clone(),
    counters: state.counters.clone(),
    meta: state.meta.clone(),
    bytes: state.bytes,
  };
}

class TreeTable<V> implements OrderedTable {
  readonly #tree: Tree<V>;
  readonly #copy: (value: V) => Uint8Array;

  constructor(tree: Tree<V>, copy: (value: V) => Uint8Array) {
    this.#tree = tree;
    this.#copy = copy;
  }

  keys(bounds: PageBounds): readonly Uint8Array[] {
    const keys: Uint8Array[] = [];
    for (const [key] of this.#pairs(bounds)) {
      if (keys.length === bounds.limit) break;
      keys.push(bytesOf(key));
    }
    return keys;
  }

  entries(bounds: PageBounds): { entries: EngineEntry[]; more: boolean } {
    const entries: EngineEntry[] = [];
    let bytes = 0;
    for (const [key, value] of this.#pairs(bounds)) {
      if (entries.length === bounds.limit || bytes >= pageBytesTarget) return { entries, more: true };
      const record = this.#copy(value);
      bytes += record.length;
      entries.push({ key: bytesOf(key), record });
    }
    return { entries, more: false };
  }

  *#pairs({ start, exclusive, end }: PageBounds): IterableIterator<readonly [string, V]> {
    const first = textOf(start);
    const behind = end === undefined ? undefined : textOf(end);
    for (const pair of this.#tree.entries(first)) {
      if (behind !== undefined && pair[0] >= behind) return;
      if (exclusive === true && pair[0] === first) continue;
      yield pair;
    }
  }
}

function dataTable(state: State): OrderedTable {
  return new TreeTable(state.data, (record) => new Uint8Array(record));
}

function countersKey(partition: PartitionId, generation: Generation): string {
  return textOf(scratchDataKey(partition, generation, emptyKey));
}

class MemorySnapshot implements EngineSnapshot {
  #state: State | undefined;
  readonly #of: GenerationName;

  constructor(state: State, of: GenerationName) {
    this.#state = state;
    this.#of = of;
  }

  entries(): IterableIterator<EngineEntry> {
    if (this.#state === undefined) throw snapshotClosed();
    return rangeOf(dataTable(this.#state), this.#of.partition, this.#of.generation);
  }

  close(): void {
    this.#state = undefined;
  }
}

/** Keeps everything in this process's memory: for cache-only clusters and the simulator. Nothing survives it. */
class MemoryEngine implements StorageEngine {
  readonly name = "memory";
  readonly #bytesMax: number;
  #state: State = {
    data: new BTree<string, Uint8Array>(),
    expiry: new BTree<string, undefined>(),
    counters: new BTree<string, Uint8Array>(),
    meta: new BTree<string, Uint8Array>(),
    bytes: 0,
  };
  #closed = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(
    partition: PartitionId,
    generation: Generation,
    bytes: Uint8Array,
    start?: number,
    end?: number,
  ): Uint8Array | undefined {
    return this.#open().data.get(textOf(scratchDataKey(partition, generation, bytes, start, end)));
  }

  getMeta(name: string): Uint8Array | undefined {
    const value = this.#open().meta.get(name);
    return value && new Uint8Array(value);
  }

  listMeta(prefix: string): readonly { readonly name: string; readonly value: Uint8Array }[] {
    const found: { readonly name: string; readonly value: Uint8Array }[] = [];
    for (const [name, value] of this.#open().meta.entries(prefix)) {
      if (!name.startsWith(prefix)) break;
      found.push({ name, value: new Uint8Array(value) });
    }
    return found;
  }

  getCounters(partition: PartitionId, generation: Generation): Uint8Array | undefined {
    const value = this.#open().counters.get(countersKey(partition, generation));
    return value && new Uint8Array(value);
  }

  async commit(batch: readonly EngineWrite[]): Promise<void> {
    // Copies share their nodes with the state they came from, so that a refused batch leaves no trace.
    const next = cloneOf(this.#open());
    for (const write of batch) applyWrite(next, write);
    if (next.bytes > this.#bytesMax && next.bytes > this.#state.bytes) {
      throw new EkvError(
        "RESOURCE_EXHAUSTED",
        `the store's memory is full: ${next.bytes} bytes wanted, ${this.#bytesMax} allowed; ` +
          "add a store, delete data, or raise the memory limit",
        { notExecuted: true },
      );
    }
    this.#state = next;
  }

  range(
    partition: PartitionId,
    generation: Generation,
    bounds?: EngineRangeBounds,
  ): IterableIterator<EngineEntry> {
    this.#open();
    const live: OrderedTable = {
      keys: (bounds) => dataTable(this.#open()).keys(bounds),
      entries: (bounds) => dataTable(this.#open()).entries(bounds),
    };
    return rangeOf(live, partition, generation, bounds);
  }

  snapshot(partition: PartitionId, generation: Generation): EngineSnapshot {
    // Every commit makes a new state, so this one is frozen.
    return new MemorySnapshot(this.#open(), { partition, generation });
  }

  expired(wallMs: number, limit: number, behind?: Uint8Array): ReturnType<StorageEngine["expired"]> {
    const expiry = new TreeTable(this.#open().expiry, () => new Uint8Array(0));
    return expiredOf(expiry, wallMs, limit, behind);
  }

  listGenerations(): ReturnType<StorageEngine["listGenerations"]> {
    const state = this.#open();
    const counted = Array.from(state.counters.keys(), (key) => generationOf(bytesOf(key)));
    return generationsOf(dataTable(state), counted);
  }

  async dropGeneration(partition: PartitionId, generation: Generation): Promise<void> {
    const next = cloneOf(this.#open());
    for (const key of generationKeys(dataTable(next), partition, generation, Infinity)) {
      removeRecord(next, textOf(key));
    }
    next.counters.delete(countersKey(partition, generation));
    this.#state = next;
  }

  problem(): string | undefined {
    return undefined;
  }

  async flush(): Promise<void> {
    this.#open();
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #open(): State {
    if (this.#closed) throw engineClosed();
    return this.#state;
  }
}

function applyWrite(state: State, write: EngineWrite): void {
  if (write.kind === "meta") {
    if (write.value === undefined) state.meta.delete(write.name);
    else state.meta.set(write.name, new Uint8Array(write.value));
    return;
  }
  if (write.kind === "counters") {
    state.counters.set(countersKey(write.partition, write.generation), new Uint8Array(write.value));
    return;
  }
  const key = textOf(scratchDataKey(write.partition, write.generation, write.key));
  removeRecord(state, key);
  if (write.kind === "delete") return;
  const record = new Uint8Array(write.record);
  state.data.set(key, record);
  state.bytes += key.length + record.length + memoryRecordOverheadBytes;
  const expiresAtMs = recordExpiresAtMs(record);
  if (expiresAtMs !== 0) state.expiry.set(textOf(expiryKey(expiresAtMs, bytesOf(key))), undefined);
}

function removeRecord(state: State, key: string): void {
  const record = state.data.get(key);
  if (record === undefined) return;
  state.data.delete(key);
  state.bytes -= key.length + record.length + memoryRecordOverheadBytes;
  const expiresAtMs = recordExpiresAtMs(record);
  if (expiresAtMs !== 0) state.expiry.delete(textOf(expiryKey(expiresAtMs, bytesOf(key))));
}

/** Opens an empty {@link StorageEngine} in memory. */
export function openMemoryEngine(options: MemoryEngineOptions = {}): StorageEngine {
  return new MemoryEngine(options.bytesMax ?? Infinity);
}

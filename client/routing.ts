import type { ErrorCode } from "../services/core/errors.js";
import type { PartitionEntry, StoreEndpoint, Topology, TopologyDelta } from "../services/core/topology.js";
import { partitionOfKey, type PlainKey } from "./key.js";

/**
 * Which store a key is asked of. Entries come from pushes and from MOVED answers, in any order and from servers of
 * different freshness: for each partition the highest epoch wins.
 */
export class RoutingTable {
  readonly #bits: number;
  readonly #entries: PartitionEntry[];
  #topology: Topology;
  #stores: Map<string, StoreEndpoint>;

  constructor(topology: Topology) {
    this.#topology = topology;
    this.#entries = topology.partitions.slice();
    this.#bits = Math.log2(topology.partitionCount);
    this.#stores = storesOf(topology.stores);
  }

  /** The topology as far as it is known. */
  get topology(): Topology {
    return { ...this.#topology, partitions: this.#entries.slice() };
  }

  partitionFor(key: PlainKey): number {
    return partitionOfKey(key, this.#bits);
  }

  entry(partition: number): PartitionEntry | undefined {
    return this.#entries[partition];
  }

  /** A partition's primary, or undefined while nobody is known to serve it. */
  ownerOf(partition: number): StoreEndpoint | undefined {
    const primary = this.#entries[partition]?.primary;
    return primary && this.#stores.get(primary.storeId);
  }

  /** host:port of a partition's primary, or undefined while nobody is known to serve it. */
  addressOf(partition: number): string | undefined {
    return this.ownerOf(partition)?.address;
  }

  /** A store by its id. */
  store(storeId: string): StoreEndpoint | undefined {
    return this.#stores.get(storeId);
  }

  /** host:port of every store known. */
  addresses(): string[] {
    return [...this.#stores.values()].map(({ address }) => address);
  }

  /** Takes a snapshot, from a server that may be behind. Returns false when it is another cluster's. */
  applySnapshot(topology: Topology): boolean {
    if (topology.clusterId !== this.#topology.clusterId) return false;
    for (const entry of topology.partitions) this.adopt(entry);
    if (topology.version >= this.#topology.version) {
      this.#topology = topology;
      this.#stores = storesOf(topology.stores);
    }
    return true;
  }

  /** Takes a change that follows what the same server sent before. */
  applyDelta(delta: TopologyDelta): void {
    for (const entry of delta.partitions) this.adopt(entry);
    if (delta.version <= this.#topology.version) return;
    for (const storeId of delta.removedStoreIds) this.#stores.delete(storeId);
    for (const store of delta.stores) this.#stores.set(store.storeId, store);
    const { version, term } = delta;
    this.#topology = { ...this.#topology, version, term, stores: [...this.#stores.values()] };
  }

  /** Takes one entry. Returns whether it taught something: its epoch is higher than the known one. */
  adopt(entry: PartitionEntry): boolean {
    const known = this.#entries[entry.partition];
    if (known && known.epoch > entry.epoch) return false;
    this.#entries[entry.partition] = entry;
    return !known || entry.epoch > known.epoch;
  }
}

function storesOf(stores: readonly StoreEndpoint[]): Map<string, StoreEndpoint> {
  return new Map(stores.map((store) => [store.storeId, store]));
}

/** What becomes of a call that did not get a plain answer. */
export type RetryDecision = "route-again" | "back-off" | "fail" | "outcome-unknown";

/** How a call missed its answer. */
export type Miss =
  | {
      readonly kind: "refused";
      readonly code: ErrorCode;
      readonly notExecuted: boolean;
      /** How long the store asks to wait before the next attempt, in milliseconds; 0: it does not say. */
      readonly retryAfterMs: number;
      readonly learnt: boolean;
    }
  /** The stream broke, or the time ran out; `sent`: the store may have executed it. */
  | { readonly kind: "lost"; readonly sent: boolean };

/**
 * Decides whether a call may be repeated. A write is repeated only when it is certain that it was not executed; a read
 * always may.
 */
export function decideRetry(isWrite: boolean, miss: Miss): RetryDecision {
  if (miss.kind === "lost") return isWrite && miss.sent ? "outcome-unknown" : "back-off";
  if (miss.code === "MOVED") return miss.learnt ? "route-again" : "back-off";
  const mayBeDone = isWrite && !miss.notExecuted;
  if (miss.notExecuted && miss.retryAfterMs > 0) return "back-off";
  if (miss.code === "UNAVAILABLE") return mayBeDone ? "outcome-unknown" : "back-off";
  if (miss.code === "DEADLINE_EXCEEDED" || miss.code === "CANCELLED") {
    return mayBeDone ? "outcome-unknown" : "fail";
  }
  return "fail";
}

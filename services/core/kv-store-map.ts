import type { HashRange, RingRange } from "./consistent-hash-map.js";
import type { Incarnation, StoreId } from "./ids.js";
import type { StoreState } from "./topology.js";

/** What the master knows of one store: the value of the paper's KVStoreMap (section 5.1). */
export interface KVStoreInfo {
  readonly storeId: StoreId;
  readonly incarnation: Incarnation;
  readonly ip: string;
  /** The paper keeps three ports apart; one gRPC server answers on all three here. */
  readonly heartbeatPort: number;
  readonly addDropPort: number;
  readonly clientPort: number;
  readonly alive: boolean;
  readonly state: StoreState;
  readonly keyNum: number;
  readonly keyRange: readonly HashRange[];
  readonly partitions: number;
  /** Owner of the range left of this store's first; undefined when nobody else owns any. */
  readonly leftStoreId: StoreId | undefined;
  /** Owner of the range right of this store's first. */
  readonly rightStoreId: StoreId | undefined;
  /** Unix milliseconds; 0: none yet. */
  readonly lastHeartbeatMs: number;
}

/** Every store's metadata, by id (the paper's KVStoreMap, section 5.1). */
export class KVStoreMap implements Iterable<KVStoreInfo> {
  readonly #stores = new Map<StoreId, KVStoreInfo>();

  /** Inserts or replaces a store. */
  write(storeId: StoreId, info: KVStoreInfo): void {
    this.#stores.set(storeId, info);
  }

  read(storeId: StoreId): KVStoreInfo | undefined {
    return this.#stores.get(storeId);
  }

  /** Replaces one field of a store that is there. Returns whether it was. */
  updateField<F extends keyof KVStoreInfo>(storeId: StoreId, field: F, value: KVStoreInfo[F]): boolean {
    const info = this.#stores.get(storeId);
    if (info === undefined) return false;
    this.#stores.set(storeId, { ...info, [field]: value });
    return true;
  }

  /** Keys of a store; 0 for an unknown one. */
  getStoreKeyNum(storeId: StoreId): number {
    return this.#stores.get(storeId)?.keyNum ?? 0;
  }

  /** Removes a store. Returns whether it was there. */
  deleteData(storeId: StoreId): boolean {
    return this.#stores.delete(storeId);
  }

  [Symbol.iterator](): IterableIterator<KVStoreInfo> {
    return this.#stores.values();
  }
}

/** The stores whose ranges lie left and right of a store's first range on the ring, which closes on itself. */
export function neighboursOf(
  ring: readonly RingRange[],
  storeId: StoreId,
): { readonly left: StoreId | undefined; readonly right: StoreId | undefined } {
  const at = ring.findIndex((range) => range.storeId === storeId);
  if (at < 0) return { left: undefined, right: undefined };
  const others = (step: number): StoreId | undefined => {
    for (let i = 1; i < ring.length; i += 1) {
      const range = ring[(at + step * i + ring.length * i) % ring.length];
      if (range?.storeId !== undefined && range.storeId !== storeId) return range.storeId;
    }
    return undefined;
  };
  return { left: others(-1), right: others(1) };
}

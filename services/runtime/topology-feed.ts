import type { PartitionEntry, StoreEndpoint, Topology, TopologyDelta } from "../core/topology.js";

/** What a watcher is sent next. */
export type TopologyUpdate =
  | { readonly kind: "snapshot"; readonly topology: Topology }
  | { readonly kind: "delta"; readonly delta: TopologyDelta };

/** One watcher; `send` resolves when it can take more. */
export interface TopologyWatcher {
  send(update: TopologyUpdate): Promise<void>;
}

/** What changed from one topology to a later one of the same cluster. Unchanged parts are recognised by identity. */
export function diffTopologies(from: Topology, to: Topology): TopologyDelta {
  const known = new Map<string, StoreEndpoint>(from.stores.map((store) => [store.storeId, store]));
  const left = new Set(from.stores.map((store) => store.storeId));
  for (const store of to.stores) left.delete(store.storeId);
  return {
    fromVersion: from.version,
    version: to.version,
    term: to.term,
    stores: to.stores.filter((store) => known.get(store.storeId) !== store),
    removedStoreIds: [...left],
    partitions: to.partitions.filter((entry: PartitionEntry, index) => from.partitions[index] !== entry),
  };
}

/**
 * Feeds topology changes to any number of watchers. A slow one gets everything it missed in one update when it is ready
 * again, so nothing is queued for it.
 */
export class TopologyFeed {
  readonly #waiting = new Set<() => void>();
  /** Most watchers are at the same version: they share one difference. */
  #lastDelta: { readonly from: Topology; readonly delta: TopologyDelta } | undefined;
  #topology: Topology | undefined;

  get topology(): Topology | undefined {
    return this.#topology;
  }

  /** Watchers that are up to date and wait for a change. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Publishes a newer topology. */
  publish(topology: Topology): void {
    this.#topology = topology;
    this.#lastDelta = undefined;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /**
   * Sends the topology, then every change, until the signal aborts. A watcher that knows the present version of this
   * feed gets no snapshot first.
   */
  async watch(watcher: TopologyWatcher, knownVersion: number, signal: AbortSignal): Promise<void> {
    let sent: Topology | undefined;
    if (knownVersion !== 0 && this.#topology?.version === knownVersion) sent = this.#topology;
    while (!signal.aborted) {
      const topology = this.#topology;
      if (topology === undefined || topology === sent) {
        await this.#change(signal);
        continue;
      }
      const isNext = sent !== undefined && sent.version < topology.version;
      await watcher.send(
        isNext && sent
          ? { kind: "delta", delta: this.#delta(sent, topology) }
          : { kind: "snapshot", topology },
      );
      sent = topology;
    }
  }

  #delta(from: Topology, to: Topology): TopologyDelta {
    if (this.#lastDelta?.from !== from) this.#lastDelta = { from, delta: diffTopologies(from, to) };
    return this.#lastDelta.delta;
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener("abort", wake);
        this.#waiting.delete(wake);
        resolve();
      };
      signal.addEventListener("abort", wake);
      this.#waiting.add(wake);
    });
  }
}

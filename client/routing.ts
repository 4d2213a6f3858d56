import { EkvError } from "../services/core/errors.js";
import type { StoreId } from "../services/core/ids.js";
import {
  applyDelta,
  type PartitionEntry,
  type StoreEndpoint,
  type Topology,
  type TopologyDelta,
} from "../services/core/topology.js";

/** Where a partition's calls go. */
export type Route =
  | { readonly kind: "store"; readonly storeId: StoreId; readonly address: string; readonly epoch: number }
  /** Nowhere now: wait for a newer topology. `reason` says what for. */
  | { readonly kind: "none"; readonly reason: string };

/**
 * The topology as a client knows it: what one server pushes, and the entries learnt from MOVED answers. Of two entries
 * of a partition the one of the higher epoch counts, whoever told it; a server that lags behind takes nothing back.
 */
export class RoutingTable {
  #topology: Topology | undefined;
  /** As the watched server sees it: what its deltas apply to. */
  #pushed: Topology | undefined;
  #stores: ReadonlyMap<StoreId, StoreEndpoint> = new Map();
  #partitionBits = 0;

  /** The newest known, or undefined before the first snapshot. */
  get topology(): Topology | undefined {
    return this.#topology;
  }

  /** Log2 of the number of partitions. */
  get partitionBits(): number {
    return this.#partitionBits;
  }

  /** Takes a snapshot. Throws FAILED_PRECONDITION for one of another cluster. */
  takeSnapshot(snapshot: Topology): void {
    const known = this.#topology;
    if (
      known &&
      (snapshot.clusterId !== known.clusterId || snapshot.partitionCount !== known.partitionCount)
    ) {
      throw new EkvError(
        "FAILED_PRECONDITION",
        `the server belongs to cluster ${snapshot.clusterId} (${snapshot.partitionCount} partitions), not to ` +
          `${known.clusterId} (${known.partitionCount}); give seeds of one cluster only`,
      );
    }
    this.#pushed = snapshot;
    this.#merge(snapshot);
  }

  /** Takes a change from the server that sent the last snapshot. False: it does not fit, ask for a snapshot. */
  takeDelta(delta: TopologyDelta): boolean {
    const pushed = this.#pushed && applyDelta(this.#pushed, delta);
    if (pushed === undefined) return false;
    this.#pushed = pushed;
    this.#merge(pushed);
    return true;
  }

  /** Takes an entry from a MOVED answer. True: it is newer than the one known. */
  learn(entry: PartitionEntry): boolean {
    const topology = this.#topology;
    const known = topology?.partitions[entry.partition];
    if (topology === undefined || known === undefined || entry.epoch <= known.epoch) return false;
    const partitions = topology.partitions.slice();
    partitions[entry.partition] = entry;
    this.#topology = { ...topology, partitions };
    return true;
  }

  /**
   * Where calls of a partition go: to its primary or, for eventual reads when there is none alive, to a backup.
   */
  route(partition: number, eventual: boolean): Route {
    const entry = this.#topology?.partitions[partition];
    if (entry === undefined) return { kind: "none", reason: "the topology is not known yet" };
    if (eventual && !this.#isAlive(entry.primary?.storeId)) {
      const backup = entry.backups.find(({ storeId }) => this.#isAlive(storeId));
      if (backup) return this.#routeTo(backup.storeId, entry);
    }
    if (entry.halted) {
      return { kind: "none", reason: `partition ${partition} is halted: two entries of one epoch were seen` };
    }
    if (entry.primary === undefined) {
      return { kind: "none", reason: `partition ${partition} has no owner` };
    }
    return this.#routeTo(entry.primary.storeId, entry);
  }

  /** Whether any store of the topology is reached at this address. */
  hasAddress(address: string): boolean {
    for (const store of this.#stores.values()) if (store.address === address) return true;
    return false;
  }

  #isAlive(storeId: StoreId | undefined): boolean {
    return storeId !== undefined && this.#stores.get(storeId)?.alive === true;
  }

  #routeTo(storeId: StoreId, { partition, epoch }: PartitionEntry): Route {
    const store = this.#stores.get(storeId);
    if (store) return { kind: "store", storeId, address: store.address, epoch };
    return {
      kind: "none",
      reason: `partition ${partition} is at ${storeId}, whose address is not known yet`,
    };
  }

  #merge(pushed: Topology): void {
    const known = this.#topology;
    const isNewer = known === undefined || pushed.version >= known.version;
    const base = isNewer ? pushed : known;
    const other = isNewer ? known : pushed;
    this.#topology = {
      ...base,
      partitions: base.partitions.map((entry, partition) => {
        const rival = other?.partitions[partition];
        return rival && rival.epoch > entry.epoch ? rival : entry;
      }),
    };
    this.#stores = new Map(base.stores.map((store) => [store.storeId, store]));
    this.#partitionBits = Math.log2(base.partitionCount);
  }
}

/** How an attempt ended that did not succeed. */
export type FailedAttempt =
  /** The store answered the call with an error. `isNewer`: the partition has a newer entry than the attempt was sent by. */
  | { readonly kind: "answered"; readonly error: EkvError; readonly isNewer: boolean }
  /** The stream ended without an answer. `sent`: the call may have reached the store. */
  | { readonly kind: "broken"; readonly error: EkvError; readonly sent: boolean };

/** What to do after a failed attempt: repeat it now or after a pause, or reject the call. */
export type RetryDecision =
  { readonly kind: "now" } | { readonly kind: "later" } | { readonly kind: "fail"; readonly error: EkvError };

/** Whether an attempt may be repeated. A write is repeated only when it is certain that it was not executed. */
export function decideRetry(isWrite: boolean, attempt: FailedAttempt): RetryDecision {
  const { error } = attempt;
  if (attempt.kind === "broken") {
    if (isWrite && attempt.sent) return { kind: "fail", error: outcomeUnknown(error) };
    return isFinal(error) ? { kind: "fail", error } : { kind: "later" };
  }
  switch (error.code) {
    case "MOVED":
      return { kind: attempt.isNewer ? "now" : "later" };
    case "UNAVAILABLE":
      if (isWrite && !error.notExecuted) return { kind: "fail", error: outcomeUnknown(error) };
      return { kind: "later" };
    case "DEADLINE_EXCEEDED":
    case "CANCELLED":
      return { kind: "fail", error: isWrite && !error.notExecuted ? outcomeUnknown(error) : error };
    default:
      return { kind: "fail", error };
  }
}

/** Whether a stream that ended like this would end the same way again. */
export function isFinal(error: EkvError): boolean {
  switch (error.code) {
    case "INVALID_ARGUMENT":
    case "FAILED_PRECONDITION":
    case "RESOURCE_EXHAUSTED":
      return true;
    default:
      return false;
  }
}

/** The error of a write that may or may not have been executed. */
export function outcomeUnknown(cause: EkvError): EkvError {
  return new EkvError(
    "OUTCOME_UNKNOWN",
    `the write was sent, and may or may not have been executed (${cause.message}); read the key before writing again`,
    { cause },
  );
}

import { EkvError } from "../errors.js";
import { type PartitionEntry, type Replica, sameReplica } from "../topology.js";
import { unavailable } from "./kv-map.js";
import type { Partition } from "./partition.js";

/** What a call finds at a partition that does not take it at once. */
export type Gate =
  | { readonly kind: "open" }
  /** Wait: the partition will soon be open here, or be elsewhere. */
  | { readonly kind: "park" }
  | { readonly kind: "refused"; readonly error: EkvError };

/** The answer that sends a caller to the partition's owner. */
function movedError(entry: PartitionEntry): EkvError {
  return new EkvError(
    "MOVED",
    `partition ${entry.partition} is served by ${entry.primary?.storeId ?? "nobody"}`,
    { notExecuted: true, moved: entry },
  );
}

/** Whether this store, in its present incarnation, is the primary that the newest entry names. */
export function isPrimary(partition: Partition, self: Replica): boolean {
  const { entry } = partition;
  return entry !== undefined && !entry.halted && sameReplica(entry.primary, self);
}

/**
 * Sets the partition's gates from its entry and promises. The one place where ownership (I1) becomes service: only the
 * named primary of the newest entry serves, not after a RELEASE at that epoch, and no writes after a failure at it or before
 * it is recorded.
 */
export function refreshGates(partition: Partition, self: Replica): void {
  const serves =
    isPrimary(partition, self) &&
    partition.generation !== undefined &&
    partition.releasedEpoch < partition.epoch;
  partition.readable = serves;
  partition.writable =
    serves &&
    !partition.isMigrating &&
    partition.unrecorded === undefined &&
    partition.failedEpoch < partition.epoch;
}

/** Decides what becomes of a call that the partition's flags did not let through. */
export function decideGate(partition: Partition, self: Replica, write: boolean): Gate {
  if (write ? partition.writable && !partition.follower?.full : partition.readable) return { kind: "open" };
  const { entry } = partition;
  // Just started: the master's word is on its way.
  if (entry === undefined) return { kind: "park" };
  if (entry.halted) {
    return {
      kind: "refused",
      error: unavailable(
        `partition ${entry.partition} is halted: two owners were recorded for one epoch; see the master's log`,
      ),
    };
  }
  if (write && partition.unrecorded && partition.readable) {
    return { kind: "refused", error: partition.unrecorded };
  }
  if (entry.primary?.storeId === self.storeId) {
    // Handing over, throttled, stopped by a failure, or restarted and waiting for the master's word.
    return { kind: "park" };
  }
  if (partition.incoming?.complete && entry.backups.some((backup) => sameReplica(backup, self))) {
    // The hand-off to this store is under way: a client may learn of the new entry before this store does.
    return { kind: "park" };
  }
  if (entry.primary === undefined) {
    return {
      kind: "refused",
      error: unavailable(`partition ${entry.partition} is not assigned to a store yet`),
    };
  }
  return { kind: "refused", error: movedError(entry) };
}

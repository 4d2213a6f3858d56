/** What a registration must be to be looked at: garbage in it would be kept for ever. */
import { boundedText, epochViolation, idViolation, isReachable } from "../../checks.js";
import { type EkvError, invalidArgument } from "../../errors.js";
import { isStoreId } from "../../ids.js";
import { limits } from "../../limits.js";
import type { PartitionEntry, Replica } from "../../topology.js";
import type { HeldReplica, Registration } from "../events.js";
import { masterLimits } from "../options.js";

/** What is wrong with a registration in itself, if anything; whether it fits the cluster comes after. */
export function registrationViolation(registration: Registration): EkvError | undefined {
  const { storeId, address, processId, weight, clusterId, completeMoves } = registration;
  if (!isStoreId(storeId)) {
    return invalidArgument(
      "store_id",
      `${JSON.stringify(boundedText(storeId))} must be 1 to 63 characters of a-z, 0-9 and '-'`,
    );
  }
  if (!isReachable(address)) {
    return invalidArgument(
      "address",
      "give the host:port that others reach it at, with a port of 1 to 65535; 0.0.0.0 is only to listen on",
    );
  }
  if (processId === "") return invalidArgument("process_id", "give a random text for each start");
  if (!Number.isInteger(weight) || weight < 1 || weight > masterLimits.weightMax) {
    return invalidArgument("weight", `is ${weight}; give 1 to ${masterLimits.weightMax}`);
  }
  if (completeMoves.length > limits.partitionCountMax) {
    return invalidArgument(
      "complete_move_ids",
      `are ${completeMoves.length}; there are at most ${limits.partitionCountMax}`,
    );
  }
  return (
    idViolation(processId, "process_id") ??
    idViolation(clusterId ?? "", "cluster_id") ??
    idViolation(registration.engine ?? "", "engine") ??
    idViolation(registration.durability ?? "", "durability") ??
    firstOf(completeMoves, (moveId) => idViolation(moveId, "complete_move_ids"))
  );
}

/** What is wrong with the partitions that a store of this cluster says to hold, if anything. */
export function heldViolation(held: readonly HeldReplica[], partitionCount: number): EkvError | undefined {
  const seen = new Set<number>();
  for (const { entry, keys, bytes } of held) {
    const { partition } = entry;
    if (partition >= partitionCount) {
      return invalidArgument(
        "held.entry.partition",
        `names ${partition}; this cluster has ${partitionCount}`,
      );
    }
    if (seen.has(partition)) return invalidArgument("held", `names partition ${partition} twice`);
    seen.add(partition);
    if (!Number.isSafeInteger(keys) || keys < 0) return invalidArgument("held.keys", `is ${keys}`);
    if (!Number.isSafeInteger(bytes) || bytes < 0) return invalidArgument("held.bytes", `is ${bytes}`);
    const violation = entryViolation(entry);
    if (violation) return violation;
  }
  return undefined;
}

function entryViolation(entry: PartitionEntry): EkvError | undefined {
  const { epoch, primary, backups, learners } = entry;
  // Ownership is never taken away again: an entry that says so would lose the partition.
  if (epoch > 0 && primary === undefined) {
    return invalidArgument("held.entry.primary", `is absent at epoch ${epoch}`);
  }
  if (backups.length > limits.replicasMax || learners.length > limits.replicasMax) {
    return invalidArgument("held.entry", `has more than ${limits.replicasMax} backups or learners`);
  }
  return (
    epochViolation(epoch, "held.entry.epoch") ??
    firstOf(
      [...(primary ? [primary] : []), ...backups, ...learners.map(({ replica }) => replica)],
      (replica) => replicaViolation(replica),
    ) ??
    firstOf(learners, ({ moveId }) => idViolation(moveId, "held.entry.learners.move_id"))
  );
}

function replicaViolation({ storeId, incarnation }: Replica): EkvError | undefined {
  if (!isStoreId(storeId)) return invalidArgument("held.entry", "names a replica whose store_id is none");
  if (Number.isSafeInteger(incarnation) && incarnation >= 1 && incarnation <= limits.incarnationMax)
    return undefined;
  return invalidArgument("held.entry", `names incarnation ${incarnation} of ${storeId}; they begin at 1`);
}

function firstOf<T>(items: readonly T[], check: (item: T) => EkvError | undefined): EkvError | undefined {
  for (const item of items) {
    const violation = check(item);
    if (violation) return violation;
  }
  return undefined;
}

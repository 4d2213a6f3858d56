/** What a heartbeat must be to be stepped through the machine: its numbers end up in placement, reports and records. */
import { epochViolation, idViolation } from "../core/checks.js";
import { type EkvError, invalidArgument } from "../core/errors.js";
import { isStoreId, type StoreId } from "../core/ids.js";
import { limits } from "../core/limits.js";
import type { HeartbeatRequest, MoveReport, StoreLoad } from "../gen/elastickv/v1/master.js";

/** What is wrong with a heartbeat, if anything. `streamOf`: whose heartbeats came before it on its stream. */
export function heartbeatViolation(
  { storeId, load, reports, strays }: HeartbeatRequest,
  streamOf: StoreId | undefined,
  partitionCount: number,
): EkvError | undefined {
  if (!isStoreId(storeId))
    return invalidArgument("store_id", "must be the name that the store registered with");
  if (streamOf !== undefined && storeId !== streamOf) {
    return invalidArgument("store_id", `is ${storeId} on the stream of ${streamOf}; open one for each store`);
  }
  if (reports.length > limits.moveReportsMax) {
    return invalidArgument("reports", `has ${reports.length}; at most ${limits.moveReportsMax} fit`);
  }
  for (const report of reports) {
    const violation = reportViolation(report, partitionCount);
    if (violation) return violation;
  }
  if (strays.length > limits.strayReplicasMax) {
    return invalidArgument("strays", `has ${strays.length}; at most ${limits.strayReplicasMax} fit`);
  }
  const beyond = strays.find(({ partition }) => partition >= partitionCount);
  if (beyond) {
    return invalidArgument(
      "strays.partition",
      `names ${beyond.partition}; this cluster has ${partitionCount}`,
    );
  }
  return load && loadViolation(load, partitionCount);
}

function reportViolation(
  { moveId, partition, epoch }: MoveReport,
  partitionCount: number,
): EkvError | undefined {
  if (partition >= partitionCount) {
    return invalidArgument("reports.partition", `names ${partition}; this cluster has ${partitionCount}`);
  }
  return idViolation(moveId, "reports.move_id") ?? epochViolation(epoch, "reports.epoch");
}

function loadViolation(load: StoreLoad, partitionCount: number): EkvError | undefined {
  const { readsPerSecond, writesPerSecond, eventLoopDelayP99Ms, partitions } = load;
  const rates = { readsPerSecond, writesPerSecond, eventLoopDelayP99Ms };
  for (const [name, value] of Object.entries(rates)) {
    if (!Number.isFinite(value) || value < 0) {
      return invalidArgument(`load.${snakeCase(name)}`, `is ${value}; give a number from 0`);
    }
  }
  let before = -1;
  for (const { partition } of partitions) {
    if (partition <= before || partition >= partitionCount) {
      return invalidArgument(
        "load.partitions",
        `must ascend by partition and stay below ${partitionCount}; found ${partition}`,
      );
    }
    before = partition;
  }
  return undefined;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (part) => `_${part.toLowerCase()}`);
}

import type { GetClusterStatusResponse, StoreInfo } from "../../services/gen/elastickv/v1/master.js";
import { formatNoun } from "../quantities.js";
import { problemLines } from "../store-notes.js";

/** What a cluster lacks to serve every key, and to know how many there are; undefined when nothing. `storesMin`: that many must have registered. */
export function whatIsMissing(
  status: GetClusterStatusResponse,
  stores: readonly StoreInfo[],
  storesMin: number,
): string | undefined {
  // Whatever else is missing waits for this.
  if (status.problems.length > 0) return status.problems.join("; ");
  if (status.storesTotal < storesMin) {
    const waits = `${formatNoun(storesMin - status.storesTotal, "store")} not yet registered`;
    return [waits, ...problemLines(status.storeProblems)].join("; ");
  }
  const down = stores.filter((store) => !store.alive);
  if (down.length > 0) {
    return down.map(({ storeId, problems }) => [`${storeId} not alive`, ...problems].join(": ")).join("; ");
  }
  if (status.partitionsUnassigned > 0) {
    return `${formatNoun(status.partitionsUnassigned, "partition")} not yet assigned`;
  }
  if (status.partitionsUnavailable > 0) {
    return `${formatNoun(status.partitionsUnavailable, "partition")} not yet available`;
  }
  const silent = stores.filter((store) => store.load === undefined).map((store) => store.storeId);
  return silent.length > 0 ? `${silent.join(", ")} not yet reported` : undefined;
}

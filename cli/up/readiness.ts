import type { GetClusterStatusResponse, StoreInfo } from "../../services/gen/elastickv/v1/master.js";
import { formatNoun } from "../quantities.js";

/** What a cluster lacks to serve every key, and to know how many there are; undefined when nothing. `storesMin`: that many must have registered. */
export function whatIsMissing(
  status: GetClusterStatusResponse,
  stores: readonly StoreInfo[],
  storesMin: number,
): string | undefined {
  if (status.storesTotal < storesMin) {
    return `${formatNoun(storesMin - status.storesTotal, "store")} not yet registered`;
  }
  const down = stores.filter((store) => !store.alive).map((store) => store.storeId);
  if (down.length > 0) return `${down.join(", ")} not alive`;
  if (status.partitionsUnassigned > 0) {
    return `${formatNoun(status.partitionsUnassigned, "partition")} not yet assigned`;
  }
  if (status.partitionsUnavailable > 0) {
    return `${formatNoun(status.partitionsUnavailable, "partition")} not yet available`;
  }
  const silent = stores.filter((store) => store.load === undefined).map((store) => store.storeId);
  return silent.length > 0 ? `${silent.join(", ")} not yet reported` : undefined;
}

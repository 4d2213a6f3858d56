import type { ElasticCluster } from "../../processes/elastic-cluster.js";
import { cpuMs } from "../../processes/process-usage.js";
import { followResize } from "../../processes/resize-operation.js";

/** One store that joined, and what its process had used when it had its share. */
export interface Join {
  readonly keys: number;
  readonly targetCpuMs: number;
}

/** A store joins a cluster and leaves it again. `storeId`: one that the cluster never had. */
export async function joinAndLeave(cluster: ElasticCluster, storeId: string): Promise<Join> {
  cluster.startStore(storeId);
  const { keysMoved } = await Promise.race([followResize(cluster.admin, storeId), cluster.failure]);
  const targetCpuMs = cpuMs(cluster.stores.get(storeId)?.pid ?? 0);
  await cluster.removeStore(storeId);
  await cluster.settled();
  return { keys: keysMoved, targetCpuMs };
}

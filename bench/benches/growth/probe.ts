import type { RunResult } from "../../load/job.js";
import type { ElasticCluster } from "../../processes/elastic-cluster.js";
import { runJob } from "../../processes/load-process.js";
import { readUpdateMix } from "../../workload/workload.js";

const reads = 0.95;
const warmUpMs = 1500;

/** What is asked of a cluster of some size. */
export interface Probe {
  readonly keys: number;
  readonly valueBytes: number;
  readonly callsInFlight: number;
  readonly connections: number;
  readonly measureMs: number;
  readonly seed: number;
}

/** Throughput and latency of a cluster as it is: 95 % reads. */
export async function probe(cluster: ElasticCluster, asked: Probe): Promise<RunResult> {
  const { keys, valueBytes, callsInFlight, connections, measureMs, seed } = asked;
  return await runJob({
    kind: "run",
    peer: { kind: "elastic", seeds: cluster.seeds },
    workload: readUpdateMix(reads, keys, valueBytes),
    shape: { kind: "closed", callsInFlight },
    ...{ connections, warmUpMs, warmUpOperations: 0, measureMs, seed },
    serverPids: cluster.storePids,
  });
}

import { join } from "node:path";
import type { Bench, BenchContext } from "../../bench.js";
import type { LoadShape, RunResult } from "../../load/job.js";
import { numberOptions } from "../../options.js";
import type { PeerAddress } from "../../peers/session.js";
import { ElasticCluster } from "../../processes/elastic-cluster.js";
import { fillPeer, runJob } from "../../processes/load-process.js";
import { closedTable, openPlot, openTable, type YcsbRun } from "./findings.js";
import { ycsbLetters, ycsbWorkload } from "./workloads.js";

const known = {
  keys: { default: 200_000, help: "keys of the data set" },
  stores: { default: 3, help: "stores" },
  uniform: { default: 0, help: "1: keys drawn uniformly instead of by YCSB's distributions" },
  seconds: { default: 2, help: "length of a run" },
  "open-share": { default: 0.5, help: "rate of the open loop, as a share of what 100 in flight reached" },
  seed: { default: 1, help: "seed of keys and values" },
};

type Options = Record<keyof typeof known, number>;

const warmUpMs = 1000;
const valueSizes = [100, 1000];
const callsInFlight = [1, 10, 100, 1000];
/** The closed-loop run that the open loop's rate comes from. */
const referenceInFlight = 100;

/** YCSB's workloads A to F on a durable cluster, in a closed loop and in an open one. */
export const ycsbBench: Bench = {
  name: "ycsb",
  summary: "YCSB's workloads A to F: closed loop, and open loop without coordinated omission",
  run: async (context) => {
    const options = numberOptions(context.args, known);
    const closed: YcsbRun[] = [];
    const open: YcsbRun[] = [];
    for (const valueBytes of valueSizes) {
      const folder = join(context.folder, `values-${valueBytes}`);
      const cluster = await ElasticCluster.start({ folder, stores: options.stores });
      try {
        const peer = { kind: "elastic", seeds: cluster.seeds } as const;
        await fillPeer(peer, { keys: options.keys, valueBytes, seed: options.seed });
        const measured = await runAll(context, options, peer, cluster.storePids, valueBytes);
        closed.push(...measured.closed);
        open.push(...measured.open);
      } finally {
        await cluster.stop();
      }
    }
    const tables = [
      ...valueSizes.map((valueBytes) => closedTable(closed, valueBytes, callsInFlight)),
      ...valueSizes.map((valueBytes) => openTable(open, valueBytes)),
    ];
    const plots = valueSizes.map((valueBytes) => openPlot(open, valueBytes));
    return { options, tables, bars: [], plots, data: { closed, open }, remarks, passed: true };
  },
};

const remarks = [
  "E scans by prefix: keys are spread over partitions by hash, so a scan reads pages of many partitions. " +
    "D and inserts take the newest keys by the count that exists when the run begins.",
];

async function runAll(
  context: BenchContext,
  options: Options,
  peer: PeerAddress,
  serverPids: readonly number[],
  valueBytes: number,
): Promise<{ readonly closed: YcsbRun[]; readonly open: YcsbRun[] }> {
  const closed: YcsbRun[] = [];
  const open: YcsbRun[] = [];
  for (const letter of ycsbLetters) {
    const workload = ycsbWorkload(letter, options.keys, valueBytes, options.uniform === 1);
    const measure = (shape: LoadShape): Promise<RunResult> =>
      runJob({
        ...{ kind: "run", peer, workload, shape, connections: 1, serverPids },
        ...{ warmUpMs, warmUpOperations: 0, measureMs: options.seconds * 1000, seed: options.seed },
      });
    let reference = 1;
    for (const inFlight of callsInFlight) {
      const result = await measure({ kind: "closed", callsInFlight: inFlight });
      if (inFlight === referenceInFlight) reference = result.operationsPerSecond;
      closed.push({ letter, valueBytes, inFlight, result });
    }
    const callsPerSecond = Math.max(1, Math.floor(reference * options["open-share"]));
    const result = await measure({ kind: "open", callsPerSecond });
    open.push({ letter, valueBytes, inFlight: undefined, result });
    context.note(`${workload.name}, ${valueBytes} B`);
  }
  return { closed, open };
}

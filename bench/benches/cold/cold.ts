import { join } from "node:path";
import type { Bench, BenchContext } from "../../bench.js";
import { compete, type Measurement, runIn, type Subject } from "../../contest.js";
import { numberOptions } from "../../options.js";
import { diskBytes } from "../../processes/disk-usage.js";
import { ElasticCluster } from "../../processes/elastic-cluster.js";
import { fillPeer } from "../../processes/load-process.js";
import { measurementTable } from "../../report/summary.js";
import type { Workload } from "../../workload/workload.js";
import { coldBars } from "./bars.js";

const known = {
  keys: { default: 500_000, help: "keys of the data set" },
  "value-bytes": { default: 1000, help: "bytes of a value" },
  "in-flight": { default: 100, help: "calls in flight" },
  seconds: { default: 3, help: "length of a round" },
  "warm-up-seconds": { default: 2, help: "what comes before it" },
  "run-in-seconds": { default: 8, help: "how long every store is used before the first round" },
  rounds: { default: 5, help: "rounds of which the medians are shown" },
  seed: { default: 1, help: "seed of keys, values and the order of the runs" },
};

type Options = Record<keyof typeof known, number>;

/** Bytes of data for each byte of memory that a store may use. */
const factors = [2, 10];

/** Stores that hold more data than their `--memory-bytes-max`, next to one that has all of it in memory. */
export const coldBench: Bench = {
  name: "cold",
  summary: "reads of stores with twice and ten times as much data as memory, next to one that has room",
  run: async (context) => {
    const options = numberOptions(context.args, known);
    const clusters: ElasticCluster[] = [];
    const subjects: Subject[] = [];
    const add = async (name: string, storeArgs: readonly string[]): Promise<string> => {
      context.note(`${name}: writing keys`);
      const folder = join(context.folder, `store-${clusters.length}`);
      const { profileFolder } = context;
      const cluster = await ElasticCluster.start({ folder, stores: 1, storeArgs, profileFolder });
      clusters.push(cluster);
      const peer = { kind: "elastic", seeds: cluster.seeds } as const;
      await fillPeer(peer, { keys: options.keys, valueBytes: options["value-bytes"], seed: options.seed });
      subjects.push({ name, peer, serverPids: cluster.storePids });
      return folder;
    };
    try {
      const dataBytes = await diskBytes(join(await add("all in memory", []), "store-1"));
      for (const factor of factors) {
        await add(nameOf(factor), ["--memory-bytes-max", `${Math.ceil(dataBytes / factor)}`]);
      }
      const data = await readsOf(subjects, options, context);
      const tables = [measurementTable(data)];
      return { options, tables, bars: coldBars(data), plots: [], data, remarks: [], passed: true };
    } finally {
      for (const cluster of clusters) await cluster.stop();
    }
  },
};

function nameOf(factor: number): string {
  return `${factor} times its memory`;
}

async function readsOf(
  subjects: readonly Subject[],
  options: Options,
  { profileFolder }: BenchContext,
): Promise<Measurement[]> {
  const workload: Workload = {
    ...{ name: "zipfian reads", mix: { read: 1 }, distribution: "zipfian", scanLengthMax: 1 },
    ...{ keys: options.keys, valueBytes: options["value-bytes"] },
  };
  const callsInFlight = options["in-flight"];
  const { rounds, seed } = options;
  await runIn(subjects, workload, { seconds: options["run-in-seconds"], seed });
  return await compete(
    {
      ...{ name: `${workload.name}, ${callsInFlight} in flight`, workload, connections: 1 },
      shape: { kind: "closed", callsInFlight },
    },
    subjects,
    {
      ...{ rounds, seed, profileFolder },
      ...{ warmUpMs: options["warm-up-seconds"] * 1000, measureMs: options.seconds * 1000 },
    },
  );
}

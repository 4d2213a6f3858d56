import { join } from "node:path";
import type { Bench, BenchContext } from "../bench.js";
import type { RunJob, RunResult } from "../load/job.js";
import { numberOptions } from "../options.js";
import type { PeerAddress } from "../peers/session.js";
import { ElasticCluster } from "../processes/elastic-cluster.js";
import { fillPeer, runJob } from "../processes/load-process.js";
import { startNullStore } from "../processes/null-store.js";
import { median } from "../report/median.js";
import { formatCount, formatFigure } from "../report/quantities.js";
import { textTable } from "../report/table.js";
import { readUpdateMix } from "../workload/workload.js";

const known = {
  keys: { default: 100_000, help: "keys of the data set" },
  "value-bytes": { default: 100, help: "bytes of a value" },
  reads: { default: 0.95, help: "share of the calls that read" },
  seconds: { default: 3, help: "length of a round" },
  rounds: { default: 3, help: "rounds of which the medians are shown" },
  stores: { default: 1, help: "stores" },
  seed: { default: 1, help: "seed of keys and values" },
  "in-flight": { default: 0, help: "calls in flight; 0: 100, then 1,000" },
};

const warmUpMs = 1500;

interface Subject {
  readonly name: string;
  readonly peer: PeerAddress;
  readonly serverPids: readonly number[];
}

/** One client process against a durable store, and against the null store, in turns: where does the CPU time go? */
export const opsBench: Bench = {
  name: "ops",
  summary: "throughput and CPU time of a call, a durable store next to the null store; for tuning",
  run: async (context) => {
    const options = numberOptions(context.args, known);
    const cluster = await ElasticCluster.start({
      folder: join(context.folder, "elastic"),
      stores: options.stores,
      profileFolder: context.profileFolder,
    });
    const nullStore = await startNullStore(options["value-bytes"], context);
    try {
      const store: PeerAddress = { kind: "elastic", seeds: cluster.seeds };
      const { keys, seed } = options;
      const filled = await fillPeer(store, { keys, valueBytes: options["value-bytes"], seed });
      context.note(`${formatCount(keys)} keys written in ${formatFigure(filled.seconds)} s`);
      const subjects: Subject[] = [
        { name: "store", peer: store, serverPids: cluster.storePids },
        {
          name: "null store",
          peer: { kind: "elastic", seeds: [nullStore.address] },
          serverPids: [nullStore.process.pid],
        },
      ];
      for (const callsInFlight of options["in-flight"] > 0 ? [options["in-flight"]] : [100, 1000]) {
        await compare(context, options, subjects, callsInFlight);
      }
      return true;
    } finally {
      await nullStore.process.stop();
      await cluster.stop();
    }
  },
};

async function compare(
  context: BenchContext,
  options: Record<keyof typeof known, number>,
  subjects: readonly Subject[],
  callsInFlight: number,
): Promise<void> {
  const results = new Map<string, RunResult[]>(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round < options.rounds; round += 1) {
    for (const { name, peer, serverPids } of subjects) {
      const job: RunJob = {
        kind: "run",
        peer,
        workload: readUpdateMix(options.reads, options.keys, options["value-bytes"]),
        shape: { kind: "closed", callsInFlight },
        connections: 1,
        warmUpMs,
        measureMs: options.seconds * 1000,
        seed: options.seed + round,
        serverPids,
      };
      results.get(name)?.push(await runJob(job, context));
    }
  }
  const head = [`${callsInFlight} in flight`, "ops/s", "client µs/op", "server µs/op", "p50 µs", "p99 µs"];
  const rows = [...results].map(([name, rounds]) => {
    const of = (pick: (result: RunResult) => number): string => formatFigure(median(rounds.map(pick)));
    return [
      name,
      formatCount(median(rounds.map(({ operationsPerSecond }) => operationsPerSecond))),
      of(({ clientCpuUs }) => clientCpuUs),
      of(({ serverCpuUs }) => serverCpuUs),
      of(({ all }) => all.p50Us),
      of(({ all }) => all.p99Us),
    ];
  });
  context.print(textTable(head, rows));
}

import { join } from "node:path";
import type { BenchContext } from "../../bench.js";
import type { RunResult } from "../../load/job.js";
import { lineChart } from "../../plot/line-chart.js";
import { ElasticCluster } from "../../processes/elastic-cluster.js";
import { fillPeer, runJob } from "../../processes/load-process.js";
import type { FindingsTable, Plot } from "../../report/findings.js";
import { median, type Spread, spread } from "../../report/median.js";
import { formatCount, formatFigure } from "../../report/quantities.js";
import { crudMix } from "./crud.js";

/** How the second script is run. */
export interface ThroughputScriptOptions {
  readonly keys: number;
  readonly seed: number;
  readonly clients: number;
  readonly callMs: number;
  /** How often each number of stores is measured; the medians count. */
  readonly rounds: number;
  readonly storesMax: number;
}

/** What the clients reached together at a number of stores: medians of the rounds. */
export interface ScriptThroughput {
  readonly stores: number;
  /** One SDK object for all clients, as in one application; or a connection for each. */
  readonly shared: boolean;
  readonly operationsPerSecond: Spread;
  readonly p50Us: number;
  readonly p99Us: number;
}

const storeCounts = [1, 5, 10, 15, 20];
const valueBytes = 100;
const warmUpMs = 1500;
/** What servers do before they are measured: their code is compiled while it runs. */
const runInCalls = 1000;
const runInOperationsPerStore = 25_000;

/** The paper's second script: 100 clients calling at once, at 1, 5, 10, 15 and 20 stores. */
export async function measureThroughput(
  context: BenchContext,
  { keys, seed, clients, callMs, rounds, storesMax }: ThroughputScriptOptions,
): Promise<ScriptThroughput[]> {
  const results: ScriptThroughput[] = [];
  for (const stores of storeCounts.filter((count) => count <= storesMax)) {
    const cluster = await ElasticCluster.start({
      folder: join(context.folder, `script-2-${stores}`),
      stores,
    });
    try {
      const peer = { kind: "elastic", seeds: cluster.seeds } as const;
      await fillPeer(peer, { keys, valueBytes, seed });
      const run = {
        kind: "run",
        peer,
        workload: crudMix(keys, valueBytes),
        seed,
        serverPids: cluster.storePids,
      } as const;
      await runJob({
        ...run,
        shape: { kind: "closed", callsInFlight: runInCalls },
        connections: 1,
        ...{ warmUpMs: 0, warmUpOperations: runInOperationsPerStore * stores, measureMs: 1 },
      });
      const ways = [true, false].map((shared) => ({ shared, runs: [] as RunResult[] }));
      for (let round = 0; round < rounds; round += 1) {
        for (const { shared, runs } of ways) {
          const result = await runJob({
            ...run,
            seed: seed + round,
            shape: { kind: "closed", callsInFlight: clients },
            connections: shared ? 1 : clients,
            ...{ warmUpMs, warmUpOperations: 0, measureMs: callMs },
          });
          runs.push(result);
        }
      }
      for (const { shared, runs } of ways) results.push(mediansOf(stores, shared, runs));
    } finally {
      await cluster.stop();
    }
    context.note(`script 2: ${stores} stores`);
  }
  return results;
}

function mediansOf(stores: number, shared: boolean, runs: readonly RunResult[]): ScriptThroughput {
  return {
    stores,
    shared,
    operationsPerSecond: spread(runs.map(({ operationsPerSecond }) => operationsPerSecond)),
    p50Us: median(runs.map(({ all }) => all.p50Us)),
    p99Us: median(runs.map(({ all }) => all.p99Us)),
  };
}

/** The second script's results. */
export function throughputTable(results: readonly ScriptThroughput[]): FindingsTable {
  const rows = results.map(({ stores, shared, operationsPerSecond, p50Us, p99Us }) => [
    `${stores} ${stores === 1 ? "store" : "stores"}, ${shared ? "one SDK object" : "a connection each"}`,
    formatCount(operationsPerSecond.median),
    `${formatCount(operationsPerSecond.least)} – ${formatCount(operationsPerSecond.greatest)}`,
    formatFigure(p50Us / 1000),
    formatFigure(p99Us / 1000),
  ]);
  return {
    title: "script 2: 100 clients (paper: 320 calls/s)",
    head: ["", "calls/s", "least – greatest", "p50 ms", "p99 ms"],
    rows,
  };
}

/** Throughput by the number of stores, next to the paper's. */
export function throughputPlot(results: readonly ScriptThroughput[]): Plot {
  const line = (
    name: string,
    shared: boolean,
  ): { readonly name: string; readonly points: (readonly [number, number])[] } => ({
    name,
    points: results
      .filter((result) => result.shared === shared)
      .map(({ stores, operationsPerSecond }) => [stores, operationsPerSecond.median] as const),
  });
  const paper = { name: "paper", points: storeCounts.map((stores) => [stores, 320] as const) };
  const title = "100 clients by the number of stores, all on one machine";
  const axes = {
    x: { title: "stores", ticks: storeCounts },
    y: { title: "calls a second", logarithmic: true },
  };
  const lines = [line("one SDK object", true), line("a connection each", false), paper];
  return { name: "throughput", title, svg: lineChart(title, axes, lines) };
}

import { join } from "node:path";
import type { BenchContext } from "../../bench.js";
import { ElasticCluster } from "../../processes/elastic-cluster.js";
import { fillPeer, startWatch } from "../../processes/load-process.js";
import type { FindingsTable } from "../../report/findings.js";
import { formatCount, formatFigure } from "../../report/quantities.js";
import { crudMix } from "./crud.js";

/** How the first script is run. */
export interface ResizingScriptOptions {
  readonly keys: number;
  readonly seed: number;
  readonly storesMax: number;
}

/** What the one client saw. */
export interface ResizingScriptResult {
  readonly storesMax: number;
  readonly seconds: number;
  readonly calls: number;
  readonly failures: number;
  readonly firstFailure: string | null;
  readonly successPercent: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly longestUs: number;
}

const valueBytes = 100;
const warmUpMs = 1000;
const windowMs = 1000;

/** The paper's first script: one client calls without a pause while stores go from one to many and back. */
export async function measureResizing(
  context: BenchContext,
  { keys, seed, storesMax }: ResizingScriptOptions,
): Promise<ResizingScriptResult> {
  const cluster = await ElasticCluster.start({ folder: join(context.folder, "script-1"), stores: 1 });
  try {
    const peer = { kind: "elastic", seeds: cluster.seeds } as const;
    await fillPeer(peer, { keys, valueBytes, seed });
    const workload = { ...crudMix(keys, valueBytes), name: "script 1" };
    const watch = await startWatch({
      kind: "watch",
      peer,
      workload,
      callsInFlight: 1,
      seed,
      warmUpMs,
      windowMs,
    });
    watch.mark("resizing");
    for (let store = 2; store <= storesMax; store += 1) {
      cluster.startStore(`store-${store}`);
      await cluster.settled();
      context.note(`script 1: ${store} stores`);
    }
    for (let store = storesMax; store > 1; store -= 1) {
      await cluster.removeStore(`store-${store}`);
      context.note(`script 1: ${store - 1} stores`);
    }
    const { phases, firstFailure } = await watch.end();
    const resizing = phases.find(({ name }) => name === "resizing");
    if (!resizing) throw new Error("nothing was measured");
    const failures = phases.reduce((sum, phase) => sum + phase.failures, 0);
    const calls = resizing.latency.count + resizing.failures;
    const { p50Us, p99Us, maxUs: longestUs } = resizing.latency;
    return {
      ...{ storesMax, seconds: resizing.seconds, calls, failures, firstFailure },
      ...{ successPercent: (100 * resizing.latency.count) / calls, p50Us, p99Us, longestUs },
    };
  } finally {
    await cluster.stop();
  }
}

/** The first script's result. */
export function resizingTable(result: ResizingScriptResult): FindingsTable {
  return {
    title: `script 1: one client, stores 1 → ${result.storesMax} → 1`,
    head: ["", "calls", "failed", "succeeded %", "seconds", "p50 ms", "p99 ms", "longest ms"],
    rows: [
      [
        "elastic-kv",
        formatCount(result.calls),
        `${result.failures}`,
        `${Number(result.successPercent.toFixed(4))}`,
        formatFigure(result.seconds),
        ...[result.p50Us, result.p99Us, result.longestUs].map((us) => formatFigure(us / 1000)),
      ],
      ["paper", "", "", "99.3", "", "", "", ""],
    ],
  };
}

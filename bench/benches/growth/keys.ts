import { join } from "node:path";
import { lineChart } from "../../plot/line-chart.js";
import { ElasticCluster } from "../../processes/elastic-cluster.js";
import { diskBytes } from "../../processes/disk-usage.js";
import { fillPeer } from "../../processes/load-process.js";
import { residentBytes } from "../../processes/process-usage.js";
import { atMost, type Bar } from "../../report/bar.js";
import { formatCount, formatFigure } from "../../report/quantities.js";
import { type GrowthPart, powersOfTen } from "./growth-part.js";
import { probe } from "./probe.js";

const valueBytes = 100;
const keysMin = 10_000;
const storeId = "store-1";

/** One store with more and more keys: throughput, memory, disk, and how long a start takes. */
export const keysPart: GrowthPart = {
  name: "keys",
  run: async (context, { keysMax, measureMs, seed }) => {
    const folder = join(context.folder, "keys");
    const cluster = await ElasticCluster.start({ folder, stores: 1 });
    const peer = { kind: "elastic", seeds: cluster.seeds } as const;
    const rows: string[][] = [];
    const points: (readonly [number, number])[] = [];
    let bars: Bar[] = [];
    try {
      let from = 0;
      const emptyMs = await restartMs(cluster);
      const empty = residentBytes(cluster.storePids[0] ?? 0);
      rows.push(["0", "–", "–", "–", "–", formatCount(emptyMs)]);
      for (const keys of powersOfTen(keysMin, keysMax)) {
        await fillPeer(peer, { from, keys, valueBytes, seed });
        from = keys;
        const startMs = await restartMs(cluster);
        const memory = residentBytes(cluster.storePids[0] ?? 0) - empty;
        const disk = await diskBytes(join(folder, storeId));
        const asked = { keys, valueBytes, callsInFlight: 100, connections: 1, measureMs, seed };
        const { operationsPerSecond, serverCpuUs } = await probe(cluster, asked);
        bars = barsAt(keys, startMs);
        points.push([keys, operationsPerSecond]);
        rows.push([
          formatCount(keys),
          formatCount(operationsPerSecond),
          formatFigure(serverCpuUs),
          formatFigure(memory / keys),
          formatFigure(disk / keys),
          formatCount(startMs),
        ]);
        context.note(`keys: ${formatCount(keys)}`);
      }
    } finally {
      await cluster.stop();
    }
    const title = "Throughput of one store by keys (95 % reads, 100 in flight)";
    const axes = { x: { title: "keys", logarithmic: true }, y: { title: "ops/s" } };
    return {
      table: {
        title: "keys (one store, 100 B values; memory: after a start, beyond an empty store's)",
        head: ["keys", "ops/s", "server µs/op", "memory B/key", "disk B/key", "start ms"],
        rows,
      },
      bars,
      plots: [{ name: "keys", title, svg: lineChart(title, axes, [{ name: "elastic-kv", points }]) }],
    };
  },
};

/** What is to hold at ten million keys; shown for the most keys that were measured. */
function barsAt(keys: number, startMs: number): Bar[] {
  return [atMost(`start, seconds, ${formatCount(keys)} keys`, startMs / 1000, 2)];
}

/** Stops the store and starts it again; milliseconds from the start of its process until it serves. */
async function restartMs(cluster: ElasticCluster): Promise<number> {
  await cluster.stopStore(storeId);
  const startedMs = performance.now();
  cluster.startStore(storeId);
  await cluster.serving();
  return performance.now() - startedMs;
}

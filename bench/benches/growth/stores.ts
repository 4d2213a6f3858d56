import { join } from "node:path";
import { ElasticCluster } from "../../processes/elastic-cluster.js";
import { fillPeer } from "../../processes/load-process.js";
import { formatCount, formatFigure } from "../../report/quantities.js";
import type { GrowthPart } from "./growth-part.js";
import { probe } from "./probe.js";

const storeCounts = [1, 2, 5, 10, 20];
const keys = 50_000;
const valueBytes = 100;

/** More and more stores on one machine: what each costs where there are no more cores for them. */
export const storesPart: GrowthPart = {
  name: "stores",
  run: async (context, { storesMax, measureMs, seed }) => {
    const rows: string[][] = [];
    for (const stores of storeCounts.filter((count) => count <= storesMax)) {
      const folder = join(context.folder, `stores-${stores}`);
      const startedMs = performance.now();
      const cluster = await ElasticCluster.start({ folder, stores });
      const startMs = performance.now() - startedMs;
      try {
        await fillPeer({ kind: "elastic", seeds: cluster.seeds }, { keys, valueBytes, seed });
        const asked = { keys, valueBytes, callsInFlight: 100, connections: 1, measureMs, seed };
        const { operationsPerSecond, clientCpuUs, serverCpuUs } = await probe(cluster, asked);
        rows.push([
          `${stores}`,
          formatCount(startMs),
          formatCount(operationsPerSecond),
          formatFigure(clientCpuUs),
          formatFigure(serverCpuUs),
        ]);
      } finally {
        await cluster.stop();
      }
      context.note(`stores: ${stores}`);
    }
    return {
      table: {
        title: "stores on this one machine (95 % reads, 100 in flight)",
        head: ["stores", "new cluster ms", "ops/s", "client µs/op", "server µs/op"],
        rows,
      },
      plots: [],
    };
  },
};

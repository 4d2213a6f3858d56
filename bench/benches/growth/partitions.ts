import { join } from "node:path";
import { ElasticCluster } from "../../processes/elastic-cluster.js";
import { fillPeer } from "../../processes/load-process.js";
import { residentBytes } from "../../processes/process-usage.js";
import { formatCount, formatFigure } from "../../report/quantities.js";
import type { GrowthPart } from "./growth-part.js";
import { probe } from "./probe.js";

const partitionCounts = [16, 1024, 16_384, 65_536];
const keys = 50_000;
const valueBytes = 100;
const megabyte = 1e6;

/** Three stores whose ring is cut finer and finer. */
export const partitionsPart: GrowthPart = {
  name: "partitions",
  run: async (context, { measureMs, seed }) => {
    const rows: string[][] = [];
    for (const partitions of partitionCounts) {
      const folder = join(context.folder, `partitions-${partitions}`);
      const startedMs = performance.now();
      const cluster = await ElasticCluster.start({ folder, stores: 3, partitions });
      const startMs = performance.now() - startedMs;
      try {
        await fillPeer({ kind: "elastic", seeds: cluster.seeds }, { keys, valueBytes, seed });
        const asked = { keys, valueBytes, callsInFlight: 100, connections: 1, measureMs, seed };
        const { operationsPerSecond, serverCpuUs } = await probe(cluster, asked);
        rows.push([
          formatCount(partitions),
          formatCount(startMs),
          formatCount(operationsPerSecond),
          formatFigure(serverCpuUs),
          formatFigure(residentBytes(cluster.masterPid) / megabyte),
          formatFigure(residentBytes(cluster.storePids[0] ?? 0) / megabyte),
        ]);
      } finally {
        await cluster.stop();
      }
      context.note(`partitions: ${formatCount(partitions)}`);
    }
    return {
      table: {
        title: "partitions (three stores, 95 % reads, 100 in flight)",
        head: ["partitions", "new cluster ms", "ops/s", "server µs/op", "master MB", "store MB"],
        rows,
      },
      plots: [],
    };
  },
};

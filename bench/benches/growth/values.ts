import { join } from "node:path";
import { ElasticCluster } from "../../processes/elastic-cluster.js";
import { fillPeer } from "../../processes/load-process.js";
import { formatCount, formatFigure } from "../../report/quantities.js";
import type { GrowthPart } from "./growth-part.js";
import { probe } from "./probe.js";

const valueSizes = [10, 100, 1000, 10_000, 100_000];
const dataBytes = 100_000_000;
const keysMax = 100_000;
const callsInFlight = 100;

/** One store with larger and larger values. */
export const valuesPart: GrowthPart = {
  name: "values",
  run: async (context, { measureMs, seed }) => {
    const rows: string[][] = [];
    for (const valueBytes of valueSizes) {
      const folder = join(context.folder, `values-${valueBytes}`);
      const cluster = await ElasticCluster.start({ folder, stores: 1 });
      try {
        const keys = Math.min(keysMax, Math.floor(dataBytes / valueBytes));
        await fillPeer({ kind: "elastic", seeds: cluster.seeds }, { keys, valueBytes, seed });
        const asked = { keys, valueBytes, callsInFlight, connections: 1, measureMs, seed };
        const { operationsPerSecond, all } = await probe(cluster, asked);
        rows.push([
          formatCount(valueBytes),
          formatCount(operationsPerSecond),
          formatFigure((operationsPerSecond * valueBytes) / 1e6),
          formatFigure(all.p50Us / 1000),
          formatFigure(all.p99Us / 1000),
        ]);
      } finally {
        await cluster.stop();
      }
      context.note(`values: ${formatCount(valueBytes)} bytes`);
    }
    return {
      table: {
        title: "bytes of a value (one store, 95 % reads, 100 in flight)",
        head: ["bytes", "ops/s", "MB/s", "p50 ms", "p99 ms"],
        rows,
      },
      plots: [],
    };
  },
};

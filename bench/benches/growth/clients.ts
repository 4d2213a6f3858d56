import { join } from "node:path";
import { ElasticCluster } from "../../processes/elastic-cluster.js";
import { fillPeer } from "../../processes/load-process.js";
import { formatCount, formatFigure } from "../../report/quantities.js";
import { type GrowthPart, powersOfTen } from "./growth-part.js";
import { probe } from "./probe.js";

const keys = 50_000;
const valueBytes = 100;

/** More and more clients, each with connections of its own and one call in flight. */
export const clientsPart: GrowthPart = {
  name: "clients",
  run: async (context, { clientsMax, measureMs, seed }) => {
    const folder = join(context.folder, "clients");
    const cluster = await ElasticCluster.start({ folder, stores: 1 });
    const rows: string[][] = [];
    try {
      await fillPeer({ kind: "elastic", seeds: cluster.seeds }, { keys, valueBytes, seed });
      for (const clients of powersOfTen(1, clientsMax)) {
        const asked = { keys, valueBytes, callsInFlight: clients, connections: clients, measureMs, seed };
        const { operationsPerSecond, all, serverCpuUs } = await probe(cluster, asked);
        rows.push([
          formatCount(clients),
          formatCount(operationsPerSecond),
          formatFigure(all.p50Us / 1000),
          formatFigure(all.p99Us / 1000),
          formatFigure(serverCpuUs),
        ]);
        context.note(`clients: ${formatCount(clients)}`);
      }
    } finally {
      await cluster.stop();
    }
    return {
      table: {
        title: "clients (one store, a connection and one call in flight each, 95 % reads)",
        head: ["clients", "ops/s", "p50 ms", "p99 ms", "server µs/op"],
        rows,
      },
      plots: [],
    };
  },
};

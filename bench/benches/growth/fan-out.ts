import { join } from "node:path";
import { ElasticCluster } from "../../processes/elastic-cluster.js";
import { startWatchers } from "../../processes/load-process.js";
import { formatCount, formatFigure } from "../../report/quantities.js";
import { type GrowthPart, powersOfTen } from "./growth-part.js";

/** How long a new topology takes from the first client that has it to the last, while a store is added. */
export const fanOutPart: GrowthPart = {
  name: "fan-out",
  run: async (context, { clientsMax }) => {
    const rows: string[][] = [];
    for (const clients of powersOfTen(10, clientsMax)) {
      const folder = join(context.folder, `fan-out-${clients}`);
      const cluster = await ElasticCluster.start({ folder, stores: 1 });
      try {
        const watchers = await startWatchers(cluster.seeds, clients);
        cluster.startStore("store-2");
        await cluster.settled();
        const { versions, medianMs, longestMs } = await watchers.end();
        rows.push([
          formatCount(clients),
          formatCount(versions),
          formatFigure(medianMs),
          formatFigure(longestMs),
        ]);
      } finally {
        await cluster.stop();
      }
      context.note(`fan-out: ${formatCount(clients)}`);
    }
    return {
      table: {
        title: "topology push: from the first client that has a version to the last (one process of clients)",
        head: ["clients", "versions", "median ms", "longest ms"],
        rows,
      },
      plots: [],
    };
  },
};

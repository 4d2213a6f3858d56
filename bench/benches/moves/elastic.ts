import { join } from "node:path";
import type { Operation } from "../../../services/gen/elastickv/v1/master.js";
import { ElasticCluster } from "../../processes/elastic-cluster.js";
import { fillPeer } from "../../processes/load-process.js";
import { followResize } from "../../processes/resize-operation.js";
import type { SystemOptions } from "../../systems/system.js";
import type { MoveFigures, Resizing } from "./resizing.js";

/** Elastic-KV: a store is started, joins, and its share moves to it. */
export async function elasticResizing(options: SystemOptions): Promise<Resizing> {
  const cluster = await ElasticCluster.start({
    folder: join(options.folder, "elastic"),
    stores: options.nodes,
    profileFolder: options.profileFolder,
  });
  const peer = { kind: "elastic", seeds: cluster.seeds } as const;
  await fillPeer(peer, options);
  let number = options.nodes;
  return {
    name: "elastic-kv",
    peer,
    prepare: () => Promise.resolve(),
    grow: async (moving) => {
      number += 1;
      const storeId = `store-${number}`;
      cluster.startStore(storeId);
      const resized = followResize(cluster.admin, storeId, moving);
      return figuresOf(await Promise.race([resized, cluster.failure]));
    },
    shrink: async () => {
      const storeId = `store-${number}`;
      await cluster.removeStore(storeId);
      await cluster.settled();
    },
    stop: () => cluster.stop(),
  };
}

function figuresOf(operation: Operation): MoveFigures {
  return {
    keys: operation.keysMoved,
    seconds: (operation.finishedAtMs - operation.startedAtMs) / 1000,
    movedOverMinimum: operation.movesMinimum === 0 ? undefined : operation.movesDone / operation.movesMinimum,
    pauses: operation.pauses && {
      p50Ms: operation.pauses.p50Ms,
      p99Ms: operation.pauses.p99Ms,
      maxMs: operation.pauses.maxMs,
    },
  };
}

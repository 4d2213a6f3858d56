import { join } from "node:path";
import type { PeerAddress } from "../peers/session.js";
import { ElasticCluster } from "../processes/elastic-cluster.js";
import { fillPeer } from "../processes/load-process.js";
import { formatCount, formatFigure } from "../report/quantities.js";
import type { StartSystem } from "./system.js";

/** Elastic-KV, durable, through its SDK. */
export const startElastic: StartSystem = async (options) => {
  const { nodes, profileFolder } = options;
  const folder = join(options.folder, "elastic");
  const cluster = await ElasticCluster.start({ folder, stores: nodes, profileFolder });
  const peer: PeerAddress = { kind: "elastic", seeds: cluster.seeds };
  const { seconds } = await fillPeer(peer, options);
  options.note(`elastic-kv: ${formatCount(options.keys)} keys written in ${formatFigure(seconds)} s`);
  return {
    subjects: [{ name: "elastic-kv", peer, serverPids: cluster.storePids }],
    stop: () => cluster.stop(),
  };
};

/** Enough for calls whose cost is that of gRPC. */
const unaryKeysMax = 100_000;

/** One store, durable, through unary gRPC calls. */
export const startUnary: StartSystem = async (options) => {
  const folder = join(options.folder, "unary");
  const cluster = await ElasticCluster.start({ folder, stores: 1, profileFolder: options.profileFolder });
  const peer: PeerAddress = { kind: "elastic", seeds: cluster.seeds };
  await fillPeer(peer, { ...options, keys: Math.min(options.keys, unaryKeysMax) });
  const { stores } = await cluster.admin.listStores();
  const address = `${stores[0]?.ip}:${stores[0]?.clientPort}`;
  return {
    subjects: [
      { name: "elastic-kv, 1 store, unary", peer: { kind: "unary", address }, serverPids: cluster.storePids },
      { name: "elastic-kv, 1 store", peer, serverPids: cluster.storePids },
    ],
    stop: () => cluster.stop(),
  };
};

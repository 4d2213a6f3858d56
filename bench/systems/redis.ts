import { join } from "node:path";
import type { PeerAddress } from "../peers/session.js";
import { installedVersion } from "../processes/installed.js";
import { fillPeer } from "../processes/load-process.js";
import { RedisCluster } from "../processes/redis-cluster.js";
import { formatCount, formatFigure } from "../report/quantities.js";
import type { StartSystem } from "./system.js";

/** How to get what this needs. */
export const redisMissing =
  "redis-server is not installed, so Redis is left out: apt-get install redis-server redis-tools";

/** Redis Cluster through ioredis, with and without autopipelining, and node-redis. */
export const startRedis: StartSystem = async (options) => {
  if ((await installedVersion("redis-server")) === undefined) {
    return { missing: redisMissing };
  }
  const cluster = await RedisCluster.start(join(options.folder, "redis"), options.nodes);
  const { ports, pids: serverPids } = cluster;
  const autoPipelining: PeerAddress = { kind: "ioredis", ports, autoPipelining: true };
  const { seconds } = await fillPeer(autoPipelining, options);
  options.note(`redis: ${formatCount(options.keys)} keys written in ${formatFigure(seconds)} s`);
  return {
    subjects: [
      { name: "redis, ioredis autopipelining", peer: autoPipelining, serverPids },
      { name: "redis, ioredis", peer: { kind: "ioredis", ports, autoPipelining: false }, serverPids },
      { name: "redis, node-redis", peer: { kind: "node-redis", ports }, serverPids },
    ],
    stop: () => cluster.stop(),
  };
};

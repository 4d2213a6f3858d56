import { join } from "node:path";
import type { PeerAddress } from "../peers/session.js";
import { installedVersion } from "../processes/installed.js";
import { fillPeer } from "../processes/load-process.js";
import { redis, RedisCluster, type RedisSoftware, valkey } from "../processes/redis-cluster.js";
import { formatCount, formatFigure } from "../report/quantities.js";
import type { StartSystem } from "./system.js";

const howToGet = {
  redis: "apt-get install redis-server redis-tools",
  valkey:
    "apt-get install valkey-server valkey-tools (Debian 13 and later), or build it from source and put it on the PATH",
};

/** Why Redis or Valkey takes no part, and how to get it; undefined: it is installed. */
export async function missingSoftware({ name, server }: RedisSoftware): Promise<string | undefined> {
  const version = await installedVersion(server);
  if (version === undefined) return `${server} is not installed, so it is left out: ${howToGet[name]}`;
  // Packages and builds of Valkey bring the old names as links.
  if (name === "redis" && /valkey/i.test(version)) {
    return `${server} is Valkey here, so Redis is left out`;
  }
  return undefined;
}

/** A cluster through ioredis, with and without autopipelining, and through node-redis. */
function redisSystem(software: RedisSoftware): StartSystem {
  const { name } = software;
  return async (options) => {
    const missing = await missingSoftware(software);
    if (missing !== undefined) return { missing };
    const cluster = await RedisCluster.start(software, join(options.folder, name), options.nodes);
    const { ports, pids: serverPids } = cluster;
    const autoPipelining: PeerAddress = { kind: "ioredis", ports, autoPipelining: true };
    const { seconds } = await fillPeer(autoPipelining, options);
    options.note(`${name}: ${formatCount(options.keys)} keys written in ${formatFigure(seconds)} s`);
    return {
      subjects: [
        { name: `${name}, ioredis autopipelining`, peer: autoPipelining, serverPids },
        { name: `${name}, ioredis`, peer: { kind: "ioredis", ports, autoPipelining: false }, serverPids },
        { name: `${name}, node-redis`, peer: { kind: "node-redis", ports }, serverPids },
      ],
      stop: () => cluster.stop(),
    };
  };
}

/** Redis Cluster. */
export const startRedis: StartSystem = redisSystem(redis);

/** Valkey in cluster mode. */
export const startValkey: StartSystem = redisSystem(valkey);

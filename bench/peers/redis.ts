import { createCluster, RESP_TYPES } from "@redis/client";
import { Cluster } from "ioredis";
import type { Session } from "./session.js";

const host = "127.0.0.1";

/** Redis Cluster through ioredis, bytes in and out. */
export async function openIoredis(ports: readonly number[], autoPipelining: boolean): Promise<Session> {
  const cluster = new Cluster(
    ports.map((port) => ({ host, port })),
    { enableAutoPipelining: autoPipelining, lazyConnect: true },
  );
  await cluster.connect();
  return {
    get: (key) => cluster.getBuffer(key),
    put: (key, value) => cluster.set(key, value),
    close: async () => void (await cluster.quit()),
  };
}

/** Redis Cluster through node-redis, bytes in and out. It pipelines calls of one turn by itself. */
export async function openNodeRedis(ports: readonly number[]): Promise<Session> {
  const cluster = createCluster({ rootNodes: ports.map((port) => ({ url: `redis://${host}:${port}` })) });
  await cluster.connect();
  const bytes = cluster.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  return {
    get: (key) => bytes.get(key),
    put: (key, value) => bytes.set(key, value),
    close: () => cluster.close(),
  };
}

import { join } from "node:path";
import { fillPeer } from "../../processes/load-process.js";
import { redis, RedisCluster, type RedisNode } from "../../processes/redis-cluster.js";
import type { SystemOptions } from "../../systems/system.js";
import type { Resizing } from "./resizing.js";

/** Redis Cluster: a node joins without slots, and `redis-cli --cluster rebalance` gives it its share. */
export async function redisResizing(options: SystemOptions): Promise<Resizing> {
  const cluster = await RedisCluster.start(redis, join(options.folder, "redis"), options.nodes);
  const [first] = cluster.ports;
  const entry = `127.0.0.1:${first}`;
  const peer = { kind: "ioredis", ports: cluster.ports, autoPipelining: true } as const;
  await fillPeer(peer, options);
  let added: RedisNode | undefined;
  const newNode = async (): Promise<RedisNode> => {
    const node = await cluster.startNode();
    await cluster.manage("add-node", `127.0.0.1:${node.port}`, entry);
    await cluster.settled();
    return node;
  };
  return {
    name: "redis, redis-cli rebalance",
    peer,
    prepare: async () => {
      added ??= await newNode();
    },
    grow: async (moving) => {
      added ??= await newNode();
      moving();
      const startedMs = performance.now();
      await cluster.manage("rebalance", entry, "--cluster-use-empty-masters");
      const seconds = (performance.now() - startedMs) / 1000;
      const keys = Number(await cluster.ask(added.port, "dbsize"));
      if (keys === 0) throw new Error("redis-cli moved nothing");
      return { keys, seconds, movedOverMinimum: undefined, pauses: undefined };
    },
    shrink: async () => {
      if (!added) return;
      const id = (await cluster.ask(added.port, "cluster", "myid")).trim();
      await cluster.manage("rebalance", entry, "--cluster-weight", `${id}=0`);
      await cluster.settled();
    },
    stop: () => cluster.stop(),
  };
}

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Child, startProgram } from "./child.js";
import { freePort } from "./free-port.js";

const host = "127.0.0.1";
const clusterBusOffset = 10_000;
const portMax = 65_535 - clusterBusOffset;
const readyTimeoutMs = 60_000;
const pollMs = 50;

/** Which programs a cluster is made of: Valkey took over the protocol and the commands of Redis. */
export interface RedisSoftware {
  readonly name: "redis" | "valkey";
  readonly server: string;
  readonly cli: string;
}

/** Redis. */
export const redis: RedisSoftware = { name: "redis", server: "redis-server", cli: "redis-cli" };

/** Valkey. */
export const valkey: RedisSoftware = { name: "valkey", server: "valkey-server", cli: "valkey-cli" };

/** A node as a process. */
export interface RedisNode {
  readonly port: number;
  readonly process: Child;
}

/** A cluster of Redis or Valkey nodes without replicas: append-only file, flushed every second. */
export class RedisCluster {
  readonly nodes: RedisNode[] = [];
  readonly #software: RedisSoftware;
  readonly #folder: string;

  private constructor(software: RedisSoftware, folder: string) {
    this.#software = software;
    this.#folder = folder;
  }

  /** Resolves when the cluster serves all slots. `folder`: an empty one for its data. `count`: at least 3. */
  static async start(software: RedisSoftware, folder: string, count: number): Promise<RedisCluster> {
    const cluster = new RedisCluster(software, folder);
    try {
      for (let i = 0; i < count; i += 1) await cluster.startNode();
      const addresses = cluster.nodes.map(({ port }) => `${host}:${port}`);
      await cluster.manage("create", ...addresses, "--cluster-yes");
      await cluster.settled();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get ports(): number[] {
    return this.nodes.map(({ port }) => port);
  }

  get pids(): number[] {
    return this.nodes.map(({ process }) => process.pid);
  }

  /** Starts a node that belongs to no cluster yet. */
  async startNode(): Promise<RedisNode> {
    const port = await lowPort();
    const folder = join(this.#folder, `${port}`);
    await mkdir(folder, { recursive: true });
    const process = startProgram(this.#software.server, [
      ...["--port", `${port}`, "--bind", host, "--dir", folder, "--cluster-enabled", "yes"],
      // A node that gave its last slot away would else become a replica.
      ...["--cluster-allow-replica-migration", "no"],
      ...["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""],
    ]);
    await process.line(/Ready to accept connections/);
    const node = { port, process };
    this.nodes.push(node);
    return node;
  }

  /** Runs `--cluster <command>` of the command line; resolves with what it said. */
  async manage(command: string, ...args: readonly string[]): Promise<string> {
    return await startProgram(this.#software.cli, ["--cluster", command, ...args]).output;
  }

  /** One command to one node. */
  async ask(port: number, ...words: readonly string[]): Promise<string> {
    return await startProgram(this.#software.cli, ["-p", `${port}`, ...words]).output;
  }

  /** Waits until every node knows of every other and all slots are served. */
  async settled(): Promise<void> {
    const endMs = performance.now() + readyTimeoutMs;
    const knownNodes = `cluster_known_nodes:${this.nodes.length}`;
    for (;;) {
      const states = await Promise.all(this.ports.map((port) => this.ask(port, "cluster", "info")));
      if (states.every((text) => text.includes("cluster_state:ok") && text.includes(knownNodes))) return;
      if (performance.now() > endMs) throw new Error(`the ${this.#software.name} cluster did not form`);
      await delay(pollMs);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(({ process }) => process.stop()));
  }
}

/** A free port whose cluster bus port, 10,000 higher, exists. */
async function lowPort(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port <= portMax) return port;
  }
}

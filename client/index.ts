import { invalidArgument } from "../services/core/errors.js";
import { Client } from "./client.js";
import { type Codec, codecs } from "./codec.js";
import { Connection } from "./connection.js";
import type { ConnectOptions } from "./options.js";

export { EkvError, type ErrorCode, type FieldViolation } from "../services/core/errors.js";
export type { PartitionEntry, Replica, StoreEndpoint, Topology, Version } from "../services/core/topology.js";
export { Client } from "./client.js";
export { type Codec, codecs } from "./codec.js";
export type {
  CallOptions,
  ClientStats,
  ConnectOptions,
  Entry,
  Key,
  ReadOptions,
  ScannedEntry,
  ScanOptions,
  WriteOptions,
} from "./options.js";

const addressPattern = /^(\[[0-9a-fA-F:]+\]|[^\s:,]+):\d{1,5}$/;

/**
 * Connects to a cluster by any of its servers. Resolves when the topology is known; rejects with UNAVAILABLE when no
 * seed tells it in time.
 */
export async function connect(target: string | readonly string[]): Promise<Client>;
export async function connect<V = Buffer>(options: ConnectOptions<V>): Promise<Client<V>>;
export async function connect<V>(target: string | readonly string[] | ConnectOptions<V>): Promise<Client<V>> {
  const options: ConnectOptions<V> = isOptions(target)
    ? target
    : { seeds: typeof target === "string" ? target.split(",") : target };
  if (options.seeds.length === 0)
    throw invalidArgument("seeds", "is empty; give host:port of a master or a store");
  for (const seed of options.seeds) {
    if (!addressPattern.test(seed))
      throw invalidArgument("seeds", `has ${JSON.stringify(seed)}; give host:port`);
  }
  const connection = new Connection(options as ConnectOptions<unknown>);
  await connection.open();
  // Without a codec V is Buffer, by the overloads.
  const codec = options.codec ?? (codecs.buffer as unknown as Codec<V>);
  return new Client(connection, codec, true);
}

function isOptions<V>(target: string | readonly string[] | ConnectOptions<V>): target is ConnectOptions<V> {
  return typeof target === "object" && "seeds" in target;
}

import { EkvError, errorOfCall, invalidArgument } from "../services/core/errors.js";
import { limits } from "../services/core/limits.js";
import { Client } from "./client.js";
import { type Codec, codecs, codecViolation } from "./codec.js";
import { Connection } from "./connection.js";
import { clusterOfSeeds } from "./seed-check.js";
import { system } from "./system.js";
import {
  callback,
  checkOptions,
  duration,
  optional,
  optionTable,
  refusedBy,
  wholeNumber,
} from "./option-checks.js";
import type { ConnectOptions } from "./options.js";
import { seedsCheck } from "./seeds.js";

export { type BulkFailure, EkvError, type ErrorCode, type FieldViolation } from "../services/core/errors.js";
export { formatVersion } from "../services/core/version-text.js";
export type { PartitionEntry, Replica, StoreEndpoint, Topology, Version } from "../services/core/topology.js";
export { Client } from "./client.js";
export { type Codec, codecs } from "./codec.js";
export type {
  CallOptions,
  ClientStats,
  ConnectOptions,
  DeleteOptions,
  Entry,
  Key,
  ReadOptions,
  ScannedEntry,
  ScanOptions,
  VersionInput,
  WriteOptions,
} from "./options.js";

const connectTable = optionTable("connect", {
  seeds: seedsCheck,
  codec: optional(codecViolation),
  deadlineMs: optional(duration),
  connectTimeoutMs: optional(duration),
  refusedTimeoutMs: optional(duration),
  callsInFlightMax: optional(wholeNumber(1, Number.MAX_SAFE_INTEGER)),
  valueBytesMax: optional(wholeNumber(1, limits.valueBytesCeiling)),
  onTopology: optional(callback),
});

/**
 * Connects to a cluster by any of its servers. Resolves when the topology is known; rejects with UNAVAILABLE when no
 * seed tells it in time.
 */
export async function connect(target: string | readonly string[]): Promise<Client>;
export async function connect<V = Buffer>(options: ConnectOptions<V>): Promise<Client<V>>;
export async function connect<V>(target: string | readonly string[] | ConnectOptions<V>): Promise<Client<V>> {
  const options = optionsOf(target);
  checkOptions(options, connectTable);
  const problem = seedsCheck(options.seeds);
  if (problem !== undefined) throw refusedBy("connect", invalidArgument("seeds", problem));
  const connection = new Connection(options as ConnectOptions<unknown>);
  const oneCluster = options.seeds.length > 1 ? clusterOfSeeds(options.seeds, system) : undefined;
  try {
    await Promise.all([connection.open(), oneCluster]);
  } catch (error) {
    void connection.close();
    throw error instanceof EkvError ? errorOfCall(error, { call: "connect", attempts: 0 }) : error;
  }
  connection.announce();
  // Without a codec V is Buffer, by the overloads.
  const codec = options.codec ?? (codecs.buffer as unknown as Codec<V>);
  return new Client(connection, codec, true);
}

function optionsOf<V>(target: string | readonly string[] | ConnectOptions<V> | undefined): ConnectOptions<V> {
  if (typeof target === "string") return { seeds: target.split(",").map((seed) => seed.trim()) };
  if (Array.isArray(target)) return { seeds: target as readonly string[] };
  return (target ?? {}) as ConnectOptions<V>;
}

import type { Topology, Version } from "../services/core/topology.js";
import type { Codec } from "./codec.js";

/** A key: bytes, or a string that stands for its UTF-8 bytes. 1 to 1,024 bytes. */
export type Key = string | Uint8Array;

/** How to connect. */
export interface ConnectOptions<V = Buffer> {
  /** host:port of masters or stores; one is enough. */
  readonly seeds: readonly string[];
  /** How values become bytes. Default `codecs.buffer`. */
  readonly codec?: Codec<V>;
  /** How long a call may take in all, retries included, in milliseconds. Default 10 000. */
  readonly deadlineMs?: number;
  /** How long to look for a server that knows the topology, in milliseconds. Default 10 000. */
  readonly connectTimeoutMs?: number;
  /** Most calls begun and not ended; more are refused at once with RESOURCE_EXHAUSTED. Default 100 000. */
  readonly callsInFlightMax?: number;
  /** Longest value, in bytes: what the stores are configured to. Default 4 MiB. */
  readonly valueBytesMax?: number;
  /** Called with every newer topology. */
  readonly onTopology?: (topology: Topology) => void;
}

/** What every call takes. */
export interface CallOptions {
  /** In milliseconds; default: the client's. */
  readonly deadlineMs?: number;
  /** Gives the call up: CANCELLED, or OUTCOME_UNKNOWN for a write that was sent already. */
  readonly signal?: AbortSignal;
}

/** What reads take. */
export interface ReadOptions extends CallOptions {
  /** `eventual`: a replica may answer with a stale value. Default `linearizable`. */
  readonly consistency?: "linearizable" | "eventual";
}

/** What writes take. At most one condition. */
export interface WriteOptions extends CallOptions {
  /** Only when the key does not exist. */
  readonly ifAbsent?: boolean;
  /** Only when the key is at exactly this version. */
  readonly ifVersion?: Version;
  /** Time to live in milliseconds; default: for ever. Ignored by deletes. */
  readonly ttlMs?: number;
}

/** A value with what is known of it. */
export interface Entry<V> {
  readonly value: V;
  readonly version: Version;
  /** Unix milliseconds; 0: never. */
  readonly expiresAtMs: number;
}

/** An entry that a scan found. */
export interface ScannedEntry<V> extends Entry<V> {
  readonly key: Buffer;
}

/** What a scan takes. */
export interface ScanOptions {
  /** Only keys that begin with this. */
  readonly prefix?: Key;
  /** Stop after this many. Default: all. */
  readonly limit?: number;
  /** Leave the values at the stores: each `value` is then undefined. Default false. */
  readonly keysOnly?: boolean;
  readonly signal?: AbortSignal;
  /** How long one page may take, retries included, in milliseconds. Default: the client's. */
  readonly deadlineMs?: number;
}

/** Counters since the connection was made. */
export interface ClientStats {
  readonly calls: number;
  /** Calls that ended with an error. */
  readonly failures: number;
  /** Times that a call was sent, or put off, once more. */
  readonly retries: number;
  /** Of these, because the key had moved. */
  readonly redirects: number;
  readonly inFlight: number;
}

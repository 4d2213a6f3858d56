import type { Topology, Version } from "../services/core/topology.js";
import type { Codec } from "./codec.js";

/** A key: bytes, or a string that stands for its UTF-8 bytes and holds no lone surrogate. 1 to 1,024 bytes. */
export type Key = string | Uint8Array;

/**
 * A version to compare with: what `put`, `getEntry` or a refusal gave, its numbers in an object of your own, or `epoch.seq`
 * as `ekv` prints it, such as `3.17`.
 */
export type VersionInput =
  Version | { readonly epoch: number | bigint; readonly seq: number | bigint } | string;

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
  /**
   * How long to go on looking while every seed refuses, in milliseconds: nobody listens there, or its name does not exist. A
   * program that starts together with its cluster gives more. Default 1 000.
   */
  readonly refusedTimeoutMs?: number;
  /** Most calls begun and not ended; more are refused at once with RESOURCE_EXHAUSTED. Default 100 000. */
  readonly callsInFlightMax?: number;
  /**
   * Longest value that is sent, in bytes; longer ones are refused here. Default: the most that any store may be configured
   * to, 64,194,304. What a store's own `value-bytes-max` does not allow it refuses itself, by default above 4 MiB.
   */
  readonly valueBytesMax?: number;
  /**
   * Called with the topology that was found, once `connect` has resolved, and with every newer one. What it throws becomes
   * a warning of the process.
   */
  readonly onTopology?: (topology: Topology) => void;
}

/**
 * What every call takes. An option that a call does not know, or of another type, is refused with INVALID_ARGUMENT.
 * Undefined means the default, except for a condition of a write: that is refused too.
 */
export interface CallOptions {
  /** In milliseconds; default: the client's. In a bulk call: of each key, from when it is its turn. */
  readonly deadlineMs?: number;
  /** Gives the call up: CANCELLED, or OUTCOME_UNKNOWN for a write that was sent already. The `cause` is its reason. */
  readonly signal?: AbortSignal;
}

/** What reads take. */
export interface ReadOptions extends CallOptions {
  /** `eventual`: a replica may answer with a stale value. Default `linearizable`. */
  readonly consistency?: "linearizable" | "eventual";
}

/** What deletions take. */
export interface DeleteOptions extends CallOptions {
  /** Only when the key is at exactly this version. */
  readonly ifVersion?: VersionInput;
}

/** What puts take. At most one condition. */
export interface WriteOptions extends DeleteOptions {
  /** Only when the key does not exist. */
  readonly ifAbsent?: boolean;
  /** Time to live in milliseconds, from 1 to 100 years; default: for ever. */
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

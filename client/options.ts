import type { Topology, Version } from "../services/core/topology.js";
import type { Codec } from "./codec.js";

/** A key: 1 to 1,024 bytes. A string stands for its UTF-8 bytes. Do not change a key's bytes until the call has settled. */
export type Key = string | Uint8Array;

/** What is stored under a key. */
export interface Entry<V> {
  readonly value: V;
  readonly version: Version;
  /** Milliseconds since the Unix epoch; 0: never. */
  readonly expiresAtMs: number;
}

/** An entry met by a scan. */
export interface ScanEntry<V> extends Entry<V> {
  readonly key: Buffer;
}

/** What every call accepts. */
export interface CallOptions {
  /** Milliseconds until the call is given up, retries included. Default: the connection's. 1 to 2,147,483,647. */
  readonly deadlineMs?: number | undefined;
  /** Gives the call up. A write that was sent already then rejects with OUTCOME_UNKNOWN, anything else with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
  /** Of reads: `eventual` lets any replica answer when the owner cannot be asked. Default `linearizable`. */
  readonly consistency?: "linearizable" | "eventual" | undefined;
}

/** What a write accepts. */
export interface WriteOptions extends CallOptions {
  /** Write only when the key does not exist; otherwise reject with CONDITION_FAILED. */
  readonly ifAbsent?: true | undefined;
  /** Write only when the key's version is this one; otherwise reject with CONDITION_FAILED. */
  readonly ifVersion?: Version | undefined;
  /** Of puts: milliseconds after which the key expires. Default 0: never. */
  readonly ttlMs?: number | undefined;
}

/** What a scan accepts. */
export interface ScanOptions {
  /** Only keys that begin with this. Default: all. */
  readonly prefix?: Key | undefined;
  /** Stop after this many entries. Default: none. */
  readonly limit?: number | undefined;
  /** Leave the values out: each is what the codec makes of no bytes, or undefined where it can make nothing. Default false. */
  readonly keysOnly?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that one page may take, retries included. Default: the connection's. */
  readonly deadlineMs?: number | undefined;
}

/** How to connect. */
export interface ConnectOptions<V> {
  /** host:port of masters or stores of one cluster; one is enough, more survive more. */
  readonly seeds: readonly string[];
  /** How values become bytes and back. Default `codecs.buffer`. */
  readonly codec?: Codec<V> | undefined;
  /** Milliseconds after which a call is given up, unless it says otherwise. Default 10,000. */
  readonly deadlineMs?: number | undefined;
  /** Calls that may be unsettled at once; one more is refused with RESOURCE_EXHAUSTED. Default 100,000. */
  readonly callsInFlightMax?: number | undefined;
  /** Milliseconds to find the cluster in. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Longest value to write, in bytes; stores have a limit of their own. Default 4 MiB. */
  readonly valueBytesMax?: number | undefined;
  /** Told of every change of the topology. */
  readonly onTopology?: ((topology: Topology) => void) | undefined;
}

/** Counters since the connection was made. */
export interface ClientStats {
  /** Calls begun. */
  readonly calls: number;
  /** Calls that rejected. */
  readonly failures: number;
  /** Attempts beyond a call's first, redirects included. */
  readonly retries: number;
  /** Answers that named another owner. */
  readonly redirects: number;
  /** Calls that have not settled. */
  readonly inFlight: number;
}

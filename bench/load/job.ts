import type { PeerAddress } from "../peers/session.js";
import type { OperationKind, Workload } from "../workload/workload.js";
import type { LatencySummary } from "./latency.js";

/** How calls are made. */
export type LoadShape =
  /** So many workers, each making one call after the other. */
  | { readonly kind: "closed"; readonly callsInFlight: number }
  /** So many calls at once, and the next ones when all of them have ended: batches of one size, whatever else runs. */
  | { readonly kind: "lockstep"; readonly callsAtOnce: number }
  /** Calls begin at a fixed rate, whether the earlier ones have ended or not; latency counts from when one was due. */
  | { readonly kind: "open"; readonly callsPerSecond: number };

/** What a load process is to do. */
export type Job =
  /** Writes keys `from` up to `to`. */
  | {
      readonly kind: "fill";
      readonly peer: PeerAddress;
      readonly from: number;
      readonly to: number;
      readonly valueBytes: number;
      readonly callsInFlight: number;
      readonly seed: number;
    }
  /** Runs a workload and measures it. */
  | {
      readonly kind: "run";
      readonly peer: PeerAddress;
      readonly workload: Workload;
      readonly shape: LoadShape;
      /** Connections that the calls are spread over. */
      readonly connections: number;
      readonly warmUpMs: number;
      /** The warm-up lasts until so many operations have ended, too: compiled code is another thing to measure. */
      readonly warmUpOperations: number;
      readonly measureMs: number;
      readonly seed: number;
      /** Processes whose CPU time is measured with it: the servers'. */
      readonly serverPids: readonly number[];
    }
  /** Makes calls until its input ends, and says what was measured in each phase; a line on its input names the next. */
  | {
      readonly kind: "watch";
      readonly peer: PeerAddress;
      readonly workload: Workload;
      readonly callsInFlight: number;
      readonly seed: number;
      readonly warmUpMs: number;
      /** Length of the windows of the timeline. */
      readonly windowMs: number;
    }
  /** Connects clients that only watch the topology, until its input ends. */
  | { readonly kind: "fan-out"; readonly seeds: readonly string[]; readonly clients: number };

/** A job that measures. */
export type RunJob = Extract<Job, { readonly kind: "run" }>;

/** What a run measured. */
export interface RunResult {
  readonly operations: number;
  readonly operationsPerSecond: number;
  readonly seconds: number;
  readonly failures: number;
  readonly firstFailure: string | null;
  /** CPU time of the load process, and of the servers together, in microseconds for one operation. */
  readonly clientCpuUs: number;
  readonly serverCpuUs: number;
  /** Latencies of all operations, and of each kind that there was. */
  readonly all: LatencySummary;
  readonly kinds: Readonly<Partial<Record<OperationKind, LatencySummary>>>;
}

/** What was measured between two marks. */
export interface WatchPhase {
  readonly name: string;
  /** When it began, since the start of the calls. */
  readonly atSeconds: number;
  readonly seconds: number;
  readonly operationsPerSecond: number;
  readonly failures: number;
  readonly latency: LatencySummary;
}

/** One window of a timeline. */
export interface WatchWindow {
  readonly atSeconds: number;
  readonly operationsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
}

/** What a watch saw; its first phase is `warm-up`. */
export interface WatchResult {
  readonly phases: readonly WatchPhase[];
  readonly windows: readonly WatchWindow[];
  readonly firstFailure: string | null;
}

/** How long versions of the topology took from the first client to the last. */
export interface FanOutResult {
  readonly versions: number;
  readonly medianMs: number;
  readonly longestMs: number;
}

/** What filling took. */
export interface FillResult {
  readonly keys: number;
  readonly seconds: number;
}

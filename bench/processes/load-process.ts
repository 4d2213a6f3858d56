import type { FanOutResult, FillResult, Job, RunJob, RunResult, WatchResult } from "../load/job.js";
import type { PeerAddress } from "../peers/session.js";
import { type Child, type NodeOptions, startNode } from "./child.js";

/** Runs a workload in a process of its own. Rejects when a call failed: figures of failing calls mean nothing. */
export async function runJob(job: RunJob, options?: NodeOptions): Promise<RunResult> {
  const result = await inProcess<RunResult>(job, options);
  if (result.failures === 0) return result;
  throw new Error(`${result.failures} calls failed, the first with: ${result.firstFailure ?? "?"}`);
}

/** How much is written. */
export interface FillOptions {
  /** Keys that are there already. Default 0. */
  readonly from?: number;
  /** How many there are to be in all. */
  readonly keys: number;
  readonly valueBytes: number;
  readonly seed: number;
}

const fillCallsInFlightMax = 2000;
const fillBytesInFlightMax = 8_000_000;

/** Writes a data set from a process of its own. */
export async function fillPeer(
  peer: PeerAddress,
  { from = 0, keys, valueBytes, seed }: FillOptions,
): Promise<FillResult> {
  return await inProcess<FillResult>({
    kind: "fill",
    peer,
    from,
    to: keys,
    valueBytes,
    callsInFlight: Math.min(fillCallsInFlightMax, Math.max(1, Math.floor(fillBytesInFlightMax / valueBytes))),
    seed,
  });
}

/** Calls that go on until they are told to stop. */
export interface RunningWatch {
  /** Begins a phase. */
  mark(name: string): void;
  end(): Promise<WatchResult>;
}

/**
 * Makes calls in a process of its own while something happens to the cluster. Failed calls are counted. Resolves when
 * its warm-up is over.
 */
export async function startWatch(job: Extract<Job, { readonly kind: "watch" }>): Promise<RunningWatch> {
  const child = startJob(job);
  await child.line(/^ready$/);
  return {
    mark: (name) => child.say(name),
    end: async () => {
      child.endInput();
      return await resultOf<WatchResult>(child);
    },
  };
}

/** Connects so many clients, in one process, that watch the topology from then on. */
export async function startWatchers(
  seeds: readonly string[],
  clients: number,
): Promise<{ end(): Promise<FanOutResult> }> {
  const child = startJob({ kind: "fan-out", seeds, clients });
  await child.line(/^ready$/);
  return {
    end: async () => {
      child.endInput();
      return await resultOf<FanOutResult>(child);
    },
  };
}

async function inProcess<R>(job: Job, options?: NodeOptions): Promise<R> {
  return await resultOf<R>(startJob(job, options));
}

function startJob(job: Job, options?: NodeOptions): Child {
  return startNode("bench/load/main.js", [JSON.stringify(job)], options);
}

/** The last line of what it said. */
async function resultOf<R>(child: Child): Promise<R> {
  return JSON.parse((await child.output).trimEnd().split("\n").at(-1) ?? "") as R;
}

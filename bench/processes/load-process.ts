import type { FillResult, Job, RunJob, RunResult } from "../load/job.js";
import type { PeerAddress } from "../peers/session.js";
import { type NodeOptions, startNode } from "./child.js";

/** Runs a workload in a process of its own. Rejects when a call failed: figures of failing calls mean nothing. */
export async function runJob(job: RunJob, options?: NodeOptions): Promise<RunResult> {
  const result = await inProcess<RunResult>(job, options);
  if (result.failures === 0) return result;
  throw new Error(`${result.failures} calls failed, the first with: ${result.firstFailure ?? "?"}`);
}

/** How much is written. */
export interface FillOptions {
  readonly keys: number;
  readonly valueBytes: number;
  readonly seed: number;
}

const fillCallsInFlight = 2000;

/** Writes a data set from a process of its own. */
export async function fillPeer(
  peer: PeerAddress,
  { keys, valueBytes, seed }: FillOptions,
): Promise<FillResult> {
  return await inProcess<FillResult>({
    kind: "fill",
    peer,
    from: 0,
    to: keys,
    valueBytes,
    callsInFlight: fillCallsInFlight,
    seed,
  });
}

async function inProcess<R>(job: Job, options?: NodeOptions): Promise<R> {
  const child = startNode("bench/load/main.js", [JSON.stringify(job)], options);
  return JSON.parse(await child.output) as R;
}

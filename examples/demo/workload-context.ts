import type { DataSet } from "./data-set.js";
import type { DemoClient } from "./demo-client.js";
import type { Findings } from "./findings.js";
import type { LatencyRecorder } from "./latency.js";
import type { KeyModel } from "./model.js";

/** What the workers of a run share. */
export interface WorkloadContext {
  readonly client: DemoClient;
  readonly dataSet: DataSet;
  readonly model: KeyModel;
  readonly findings: Findings;
  readonly latency: LatencyRecorder;
  /** Number of workers; worker `w` owns the keys whose number is `w` modulo this. */
  readonly workers: number;
  /** Share of the calls that read. */
  readonly readFraction: number;
}

/** The worker that alone writes a key. */
export function ownerOf(index: number, workers: number): number {
  return index % workers;
}

import type { DataSet } from "./data-set.js";
import type { DemoClient } from "./demo-client.js";
import type { Findings } from "./findings.js";
import type { LatencyRecorder } from "./latency.js";
import type { KeyModel } from "./model.js";
import type { SeededRandom } from "./random.js";
import { Worker } from "./worker.js";

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

/** Workers that call without a pause. */
export interface Workload {
  /** Lets the calls under way end. */
  stop(): Promise<void>;
}

/** Starts the workers. They stop by themselves when nearly everything goes wrong. */
export function startWorkload(context: WorkloadContext, random: SeededRandom): Workload {
  let stopped = false;
  const run = async (worker: Worker): Promise<void> => {
    while (!stopped && !context.findings.areHopeless) await worker.step();
  };
  const running = Promise.all(
    Array.from({ length: context.workers }, (_, id) => run(new Worker(context, id, random.fork()))),
  );
  // A broken invariant of the demo itself: `stop` throws it, and until then it is no crash.
  running.catch(() => undefined);
  return {
    async stop() {
      stopped = true;
      await running;
    },
  };
}

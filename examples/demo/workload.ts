import type { SeededRandom } from "./random.js";
import { Worker } from "./worker.js";
import type { WorkloadContext } from "./workload-context.js";

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

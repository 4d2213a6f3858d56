import { Worker } from "node:worker_threads";
import type { FaultName } from "./faults/faults.js";
import type { SimulationResult } from "./simulation.js";

/** Simulations that one thread runs, one after the other. */
export interface SeedBatch {
  readonly first: number;
  readonly count: number;
  readonly seconds: number;
  readonly faults: readonly FaultName[] | undefined;
}

/** Which simulations to run, and for how long. */
export interface SeedRun extends SeedBatch {
  /** Threads that run them. 1: in the order of the seeds. */
  readonly threads: number;
  /** No batch is begun, and no seed but the very first waited for, after this; by `performance.now()`. */
  readonly untilMs: number;
  /** Takes each result as it comes. Returns whether to go on. */
  readonly onResult: (result: SimulationResult) => boolean;
}

/** Seeds of one thread: what dead processes leave behind goes with it, and a batch is lost at the end at most. */
const batchSize = 20;

/** Runs simulations on threads of their own, until all are done, the time is over, or `onResult` has had enough. */
export async function runSeeds(run: SeedRun): Promise<void> {
  const end = run.first + run.count;
  let next = run.first;
  let isOver = false;
  const workers = new Set<Worker>();
  const stop = (): void => {
    isOver = true;
    for (const worker of workers) void worker.terminate();
  };
  let results = 0;
  let isLate = false;
  const timeIsUp = (): void => {
    isLate = true;
    if (results > 0) stop();
  };
  const timer = Number.isFinite(run.untilMs)
    ? setTimeout(timeIsUp, run.untilMs - performance.now())
    : undefined;
  const runBatch = (batch: SeedBatch): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL("./seed-worker.js", import.meta.url), { workerData: batch });
      workers.add(worker);
      worker.on("message", (result: SimulationResult) => {
        if (isOver) return;
        results += 1;
        if (!run.onResult(result) || isLate) stop();
      });
      worker.on("error", reject);
      worker.on("exit", () => {
        workers.delete(worker);
        resolve();
      });
    });
  const work = async (): Promise<void> => {
    while (next < end && !isOver && !isLate) {
      const first = next;
      next = Math.min(end, first + batchSize);
      await runBatch({ first, count: next - first, seconds: run.seconds, faults: run.faults });
    }
  };
  try {
    await Promise.all(Array.from({ length: run.threads }, work));
  } finally {
    clearTimeout(timer);
    stop();
  }
}

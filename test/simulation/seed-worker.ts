/** A thread that simulates the seeds of a batch and posts each result. */
import { parentPort, workerData } from "node:worker_threads";
import type { SeedBatch } from "./seeds.js";
import { simulate } from "./simulation.js";

const { first, count, seconds, faults } = workerData as SeedBatch;
// A run makes many errors that nobody reads.
Error.stackTraceLimit = 0;
for (let seed = first; seed < first + count; seed += 1) {
  parentPort?.postMessage(await simulate({ seed, seconds, faults }));
}

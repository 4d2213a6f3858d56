import { openSession } from "../peers/open-session.js";
import { keyName } from "../workload/key-name.js";
import { randomStream } from "../workload/random-stream.js";
import { valuePool } from "../workload/value-pool.js";
import type { FillResult, Job } from "./job.js";

/** Writes a data set. Rejects with the first write that fails. */
export async function fill(job: Extract<Job, { readonly kind: "fill" }>): Promise<FillResult> {
  const session = await openSession(job.peer);
  const nextValue = valuePool(job.valueBytes, randomStream(job.seed));
  const startedMs = performance.now();
  let next = job.from;
  const work = async (): Promise<void> => {
    while (next < job.to) {
      const key = keyName(next);
      next += 1;
      await session.put(key, nextValue());
    }
  };
  await Promise.all(Array.from({ length: job.callsInFlight }, work));
  const seconds = (performance.now() - startedMs) / 1000;
  await session.close();
  return { keys: job.to - job.from, seconds };
}

import { setTimeout as delay } from "node:timers/promises";
import { openSession } from "../peers/open-session.js";
import { OperationStream } from "../workload/operation-stream.js";
import { startClosedLoop } from "./closed-loop.js";
import type { RunJob, RunResult } from "./job.js";
import { Meter } from "./meter.js";
import { startOpenLoop } from "./open-loop.js";

/** Runs a workload for its warm-up and its time, and says what was measured in that time. */
export async function run(job: RunJob): Promise<RunResult> {
  const sessions = await Promise.all(Array.from({ length: job.connections }, () => openSession(job.peer)));
  const stream = new OperationStream(job.workload, job.seed);
  const meter = new Meter(job.serverPids);
  const load =
    job.shape.kind === "closed"
      ? startClosedLoop(sessions, stream, job.shape.callsInFlight, meter)
      : startOpenLoop(sessions, stream, job.shape.callsPerSecond, meter);
  await delay(job.warmUpMs);
  meter.begin();
  await delay(job.measureMs);
  const result = meter.end();
  await load.stop();
  await Promise.all(sessions.map((session) => session.close()));
  return result;
}

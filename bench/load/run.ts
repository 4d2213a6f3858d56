import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../../services/runtime/clock.js";
import { openSession } from "../peers/open-session.js";
import type { Session } from "../peers/session.js";
import { OperationStream } from "../workload/operation-stream.js";
import { type RunningLoad, startClosedLoop, startLockstep } from "./closed-loop.js";
import type { LoadShape, RunJob, RunResult } from "./job.js";
import { Meter } from "./meter.js";
import { startOpenLoop } from "./open-loop.js";

const pollMs = 5;

/** Runs a workload for its warm-up and its time, and says what was measured in that time. */
export async function run(job: RunJob): Promise<RunResult> {
  const sessions = await Promise.all(Array.from({ length: job.connections }, () => openSession(job.peer)));
  const stream = new OperationStream(job.workload, job.seed);
  const meter = new Meter(job.serverPids);
  const load = startLoad(job.shape, sessions, stream, meter);
  await delay(job.warmUpMs);
  while (meter.operations < job.warmUpOperations) await delay(pollMs);
  meter.begin();
  await delay(job.measureMs);
  const result = meter.end();
  await load.stop();
  await Promise.all(sessions.map((session) => session.close()));
  return result;
}

function startLoad(
  shape: LoadShape,
  sessions: readonly Session[],
  stream: OperationStream,
  meter: Meter,
): RunningLoad {
  switch (shape.kind) {
    case "closed":
      return startClosedLoop(sessions, stream, shape.callsInFlight, meter);
    case "lockstep":
      return startLockstep(sessions[0] as Session, stream, shape.callsAtOnce, meter);
    case "open":
      return startOpenLoop(sessions, stream, shape.callsPerSecond, meter, systemClock);
  }
}

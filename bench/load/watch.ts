import { setTimeout as delay } from "node:timers/promises";
import { openSession } from "../peers/open-session.js";
import { OperationStream } from "../workload/operation-stream.js";
import { startClosedLoop } from "./closed-loop.js";
import type { Job, WatchPhase, WatchResult, WatchWindow } from "./job.js";
import { highestNs, latencyHistogram, nsPerMs, summaryOf } from "./latency.js";
import type { CallRecorder } from "./recorder.js";

/** What is measured between two marks. */
class Phase {
  readonly name: string;
  readonly startedMs: number = performance.now();
  readonly #latencies = latencyHistogram();
  #failures = 0;

  constructor(name: string) {
    this.name = name;
  }

  record(ns: number): void {
    this.#latencies.record(ns);
  }

  fail(): void {
    this.#failures += 1;
  }

  end(sinceMs: number): WatchPhase {
    const seconds = (performance.now() - this.startedMs) / 1000;
    const latency = summaryOf(this.#latencies);
    const { name } = this;
    const atSeconds = (this.startedMs - sinceMs) / 1000;
    return {
      ...{ name, atSeconds, seconds, latency, failures: this.#failures },
      operationsPerSecond: latency.count / seconds,
    };
  }
}

/** Records every call in the present phase and in the present window. */
class WatchRecorder implements CallRecorder {
  readonly #startedMs = performance.now();
  readonly #window = latencyHistogram();
  readonly windows: WatchWindow[] = [];
  readonly phases: WatchPhase[] = [];
  firstFailure: string | null = null;
  #windowMs = this.#startedMs;
  #phase = new Phase("warm-up");

  succeeded(_kind: unknown, latencyMs: number): void {
    const ns = Math.min(highestNs, Math.max(1, Math.round(latencyMs * nsPerMs)));
    this.#phase.record(ns);
    this.#window.record(ns);
  }

  failed(error: unknown): void {
    this.#phase.fail();
    this.firstFailure ??= String(error);
  }

  /** Begins a phase; calls that end from now on are in it. */
  mark(name: string): void {
    this.phases.push(this.#phase.end(this.#startedMs));
    this.#phase = new Phase(name);
  }

  closeWindow(): void {
    const { count } = this.#window;
    const nowMs = performance.now();
    this.windows.push({
      atSeconds: (this.#windowMs - this.#startedMs) / 1000,
      operationsPerSecond: (count * 1000) / (nowMs - this.#windowMs),
      p50Us: count === 0 ? 0 : this.#window.percentile(50) / 1000,
      p99Us: count === 0 ? 0 : this.#window.percentile(99) / 1000,
      maxUs: count === 0 ? 0 : this.#window.max / 1000,
    });
    this.#window.reset();
    this.#windowMs = nowMs;
  }
}

/** Makes calls, says when it is `warm`, and goes on until `lines` ends, each line of which begins a phase of that name. Failed calls are counted, and go on. */
export async function watch(
  job: Extract<Job, { readonly kind: "watch" }>,
  lines: AsyncIterable<string>,
  warm: () => void,
): Promise<WatchResult> {
  const session = await openSession(job.peer);
  const stream = new OperationStream(job.workload, job.seed);
  const recorder = new WatchRecorder();
  const load = startClosedLoop([session], stream, job.callsInFlight, recorder);
  const timer = setInterval(() => recorder.closeWindow(), job.windowMs);
  await delay(job.warmUpMs);
  warm();
  for await (const line of lines) recorder.mark(line);
  recorder.mark("end");
  clearInterval(timer);
  await load.stop();
  await session.close();
  const { phases, windows, firstFailure } = recorder;
  return { phases, windows, firstFailure };
}

import { createHistogram, type RecordableHistogram } from "node:perf_hooks";

/** Before the first change of the cluster, while it changes, after one and before the next, after the last. */
export type Phase = "before" | "during" | "between" | "after";

/** Latencies of one phase's calls, in milliseconds as the caller saw them. */
export interface LatencySummary {
  readonly seconds: number;
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Longest time in which no call of any client ended. */
  readonly longestGapMs: number;
  /** Share of the time in which this process was busy: near 1, its own queue is part of every latency. */
  readonly clientBusy: number;
}

interface PhaseRecord {
  readonly histogram: RecordableHistogram;
  activeMs: number;
  idleLoopMs: number;
  busyLoopMs: number;
  longestGapMs: number;
}

/** What the recorder needs of the process; see `performance` of node:perf_hooks. */
export interface LoopMeter {
  now(): number;
  eventLoopUtilization(): { readonly idle: number; readonly active: number };
}

/** Latencies above this are recorded as this. One hour, in microseconds. */
const latencyMaxMicros = 3_600_000_000;

/** Sorts the latencies of calls by phase. A call that overlaps a change of the cluster counts as `during`. */
export class LatencyRecorder {
  readonly #meter: LoopMeter;
  readonly #records: Readonly<Record<Phase, PhaseRecord>> = {
    before: newRecord(),
    during: newRecord(),
    between: newRecord(),
    after: newRecord(),
  };
  #phase: Phase | undefined;
  #phaseStartMs = 0;
  #loopStart = { idle: 0, active: 0 };
  #lastEndMs = 0;

  constructor(meter: LoopMeter) {
    this.#meter = meter;
  }

  /** The present phase, to be given back with {@link record}. Undefined: between phases, nothing is recorded. */
  get phase(): Phase | undefined {
    return this.#phase;
  }

  now(): number {
    return this.#meter.now();
  }

  /** Ends the present phase and begins another, or none. */
  enter(phase: Phase | undefined): void {
    const nowMs = this.#meter.now();
    const { idle, active } = this.#meter.eventLoopUtilization();
    if (this.#phase !== undefined) {
      const record = this.#records[this.#phase];
      record.activeMs += nowMs - this.#phaseStartMs;
      record.idleLoopMs += idle - this.#loopStart.idle;
      record.busyLoopMs += active - this.#loopStart.active;
      record.longestGapMs = Math.max(record.longestGapMs, nowMs - this.#lastEndMs);
    }
    this.#phase = phase;
    this.#phaseStartMs = nowMs;
    this.#lastEndMs = nowMs;
    this.#loopStart = { idle, active };
  }

  /** Records a call that ends now; `phaseAtStart` and `startMs` are of its beginning. */
  record(phaseAtStart: Phase | undefined, startMs: number): void {
    if (this.#phase === undefined) return;
    const nowMs = this.#meter.now();
    const micros = Math.min(latencyMaxMicros, Math.max(1, Math.round((nowMs - startMs) * 1000)));
    const overlapsChange = phaseAtStart === "during" || this.#phase === "during";
    this.#records[overlapsChange ? "during" : this.#phase].histogram.record(micros);
    const present = this.#records[this.#phase];
    present.longestGapMs = Math.max(present.longestGapMs, nowMs - this.#lastEndMs);
    this.#lastEndMs = nowMs;
  }

  /** Of the phases that have ended. */
  summarize(): Readonly<Record<Phase, LatencySummary>> {
    return {
      before: summaryOf(this.#records.before),
      during: summaryOf(this.#records.during),
      between: summaryOf(this.#records.between),
      after: summaryOf(this.#records.after),
    };
  }
}

function newRecord(): PhaseRecord {
  return {
    histogram: createHistogram({ lowest: 1, highest: latencyMaxMicros, figures: 3 }),
    activeMs: 0,
    idleLoopMs: 0,
    busyLoopMs: 0,
    longestGapMs: 0,
  };
}

function summaryOf(record: PhaseRecord): LatencySummary {
  const { histogram, activeMs, idleLoopMs, busyLoopMs, longestGapMs } = record;
  const calls = histogram.count;
  const percentileMs = (percentile: number): number =>
    calls === 0 ? 0 : histogram.percentile(percentile) / 1000;
  return {
    seconds: activeMs / 1000,
    calls,
    callsPerSecond: activeMs > 0 ? (calls / activeMs) * 1000 : 0,
    p50Ms: percentileMs(50),
    p99Ms: percentileMs(99),
    p999Ms: percentileMs(99.9),
    maxMs: calls === 0 ? 0 : histogram.max / 1000,
    longestGapMs,
    clientBusy: idleLoopMs + busyLoopMs > 0 ? busyLoopMs / (idleLoopMs + busyLoopMs) : 0,
  };
}

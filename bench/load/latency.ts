import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { type OperationKind, operationKinds } from "../workload/workload.js";

/** Latencies in microseconds, from an HDR histogram of three significant digits. */
export interface LatencySummary {
  readonly count: number;
  readonly meanUs: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  /** Latency by percentile, for a plot: percentiles get denser towards 100. */
  readonly curve: readonly (readonly [percentile: number, us: number])[];
}

/** Ten minutes: longer than any deadline. */
export const highestNs = 600_000_000_000;

/** Nanoseconds of a millisecond. */
export const nsPerMs = 1_000_000;

const curvePercentiles: readonly number[] = [
  0, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 97.5, 98, 99, 99.5, 99.9, 99.95, 99.99, 99.999,
  100,
];

/** A histogram of nanoseconds, three significant digits. */
export function latencyHistogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: highestNs, figures: 3 });
}

/** What a histogram of nanoseconds holds. */
export function summaryOf(recorded: RecordableHistogram): LatencySummary {
  const us = (percentile: number): number =>
    recorded.count === 0 ? 0 : (percentile === 0 ? recorded.min : recorded.percentile(percentile)) / 1000;
  return {
    count: recorded.count,
    meanUs: recorded.count === 0 ? 0 : recorded.mean / 1000,
    p50Us: us(50),
    p90Us: us(90),
    p99Us: us(99),
    p999Us: us(99.9),
    maxUs: us(100),
    curve: curvePercentiles.map((percentile) => [percentile, us(percentile)] as const),
  };
}

/** Latencies by kind of operation. */
export class LatencyRecorder {
  readonly #kinds: Readonly<Record<OperationKind, RecordableHistogram>> = {
    read: latencyHistogram(),
    update: latencyHistogram(),
    insert: latencyHistogram(),
    delete: latencyHistogram(),
    scan: latencyHistogram(),
    readModifyWrite: latencyHistogram(),
  };

  record(kind: OperationKind, ms: number): void {
    this.#kinds[kind].record(Math.min(highestNs, Math.max(1, Math.round(ms * nsPerMs))));
  }

  /** Forgets everything so far. */
  reset(): void {
    for (const kind of operationKinds) this.#kinds[kind].reset();
  }

  all(): LatencySummary {
    const together = latencyHistogram();
    for (const kind of operationKinds) together.add(this.#kinds[kind]);
    return summaryOf(together);
  }

  /** Only the kinds that were recorded. */
  kinds(): Partial<Record<OperationKind, LatencySummary>> {
    return Object.fromEntries(
      operationKinds.flatMap((kind) => {
        const recorded = this.#kinds[kind];
        return recorded.count === 0 ? [] : [[kind, summaryOf(recorded)]];
      }),
    );
  }
}

import type { Measurement } from "../contest.js";
import type { RunResult } from "../load/job.js";
import type { FindingsTable } from "./findings.js";
import { median, spread } from "./median.js";
import { formatCount, formatFigure } from "./quantities.js";

/** Median over the rounds of one figure. */
export function medianOf({ rounds }: Measurement, pick: (round: RunResult) => number): number {
  return median(rounds.map(pick));
}

const head = [
  "subject",
  "ops/s",
  "least – greatest",
  "p50 µs",
  "p99 µs",
  "p99.9 µs",
  "client µs/op",
  "server µs/op",
];

/** The medians of a scenario's measurements. */
export function measurementTable(measurements: readonly Measurement[]): FindingsTable {
  const rows = measurements.map((measurement) => [measurement.subject, ...figures(measurement)]);
  return { title: measurements[0]?.scenario ?? "", head, rows };
}

function figures(measurement: Measurement): string[] {
  const throughput = spread(measurement.rounds.map(({ operationsPerSecond }) => operationsPerSecond));
  const of = (pick: (round: RunResult) => number): string => formatFigure(medianOf(measurement, pick));
  return [
    formatCount(throughput.median),
    `${formatCount(throughput.least)} – ${formatCount(throughput.greatest)}`,
    of(({ all }) => all.p50Us),
    of(({ all }) => all.p99Us),
    of(({ all }) => all.p999Us),
    of(({ clientCpuUs }) => clientCpuUs),
    of(({ serverCpuUs }) => serverCpuUs),
  ];
}

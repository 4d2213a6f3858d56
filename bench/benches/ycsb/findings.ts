import type { RunResult } from "../../load/job.js";
import { lineChart } from "../../plot/line-chart.js";
import type { FindingsTable, Plot } from "../../report/findings.js";
import { formatCount, formatFigure } from "../../report/quantities.js";
import { type YcsbLetter, ycsbLetters, ycsbSummaries } from "./workloads.js";

/** One run of one workload; `inFlight` undefined: in an open loop. */
export interface YcsbRun {
  readonly letter: YcsbLetter;
  readonly valueBytes: number;
  readonly inFlight: number | undefined;
  readonly result: RunResult;
}

/** Throughput by calls in flight. */
export function closedTable(
  runs: readonly YcsbRun[],
  valueBytes: number,
  callsInFlight: readonly number[],
): FindingsTable {
  const rows = ycsbLetters.map((letter) => {
    const cells = callsInFlight.flatMap((inFlight) => {
      const run = runs.find(
        (found) => found.letter === letter && found.valueBytes === valueBytes && found.inFlight === inFlight,
      );
      if (!run) return ["–", "–"];
      const { operationsPerSecond, all } = run.result;
      return [formatCount(operationsPerSecond), formatFigure(all.p99Us / 1000)];
    });
    return [ycsbSummaries[letter], ...cells];
  });
  const head = callsInFlight.flatMap((inFlight) => [`ops/s, ${formatCount(inFlight)} in flight`, "p99 ms"]);
  return { title: `closed loop, values of ${valueBytes} B`, head: ["workload", ...head], rows };
}

/** Latency at a fixed rate, counted from when each call was due. */
export function openTable(runs: readonly YcsbRun[], valueBytes: number): FindingsTable {
  const rows = runs
    .filter((run) => run.valueBytes === valueBytes)
    .map(({ letter, result: { operationsPerSecond, all } }) => [
      ycsbSummaries[letter],
      formatCount(operationsPerSecond),
      ...[all.p50Us, all.p90Us, all.p99Us, all.p999Us, all.maxUs].map((us) => formatFigure(us / 1000)),
    ]);
  return {
    title: `open loop, values of ${valueBytes} B`,
    head: ["workload", "ops/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "longest ms"],
    rows,
  };
}

const percentileTicks = [0, 90, 99, 99.9, 99.99];

/** Latency by percentile in the open loop; the x axis is drawn by how rare a percentile is. */
export function openPlot(runs: readonly YcsbRun[], valueBytes: number): Plot {
  const rarity = (percentile: number): number => 100 / (100 - percentile);
  const lines = runs
    .filter((run) => run.valueBytes === valueBytes)
    .map(({ letter, result }) => ({
      name: ycsbSummaries[letter],
      points: result.all.curve
        .filter(([percentile]) => percentile < 99.999)
        .map(([percentile, us]) => [rarity(percentile), Math.max(0.01, us / 1000)] as const),
    }));
  const title = `YCSB in an open loop, values of ${valueBytes} B: latency by percentile`;
  const x = {
    title: "percentile",
    logarithmic: true,
    ticks: percentileTicks.map(rarity),
    tick: (value: number): string => `${Number((100 - 100 / value).toFixed(2))} %`,
  };
  const y = { title: "milliseconds", logarithmic: true };
  return { name: `open-${valueBytes}`, title, svg: lineChart(title, { x, y }, lines) };
}

import type { Measurement } from "../../contest.js";
import { atLeast, type Bar } from "../../report/bar.js";
import { medianRatio } from "../../report/median.js";

/** What is to be kept of the throughput, from the measurements of a store with room and of one with a tenth of it. */
export function coldBars(measured: readonly Measurement[]): Bar[] {
  const throughputs = (subject: RegExp): number[] =>
    measured
      .filter((measurement) => subject.test(measurement.subject))
      .flatMap(({ rounds }) => rounds.map(({ operationsPerSecond }) => operationsPerSecond));
  return [
    atLeast(
      "ten times its memory: throughput ÷ all in memory",
      medianRatio(throughputs(/^10 times/), throughputs(/^all/)),
      0.5,
    ),
  ];
}

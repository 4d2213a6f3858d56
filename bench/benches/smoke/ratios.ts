import type { Measurement } from "../../contest.js";
import type { RunResult } from "../../load/job.js";
import { atMost, type Bar } from "../../report/bar.js";
import { medianRatio } from "../../report/median.js";

/** CPU time of a call, client and server together, over that of the same call with less behind it. */
export interface SmokeRatios {
  /** A durable store over the null store: what the store and its engine cost. */
  readonly storeOverNull: number;
  /** The null store over a TCP echo: what our SDK and transport cost. */
  readonly nullOverEcho: number;
}

/** The losses that fail, as shares of what a CPU second does. An echo costs so little that its own cost varies more. */
const storeLossMax = 0.3;
const sdkLossMax = 0.5;

function cpuUs(round: RunResult): number {
  return round.clientCpuUs + round.serverCpuUs;
}

/** Medians over the rounds of the ratios within each round: a noisy neighbour slows both sides of one. */
export function measuredRatios(measurements: readonly Measurement[]): SmokeRatios {
  const rounds = (subject: string): readonly RunResult[] =>
    measurements.filter((measurement) => measurement.subject === subject).flatMap((found) => found.rounds);
  const over = (above: string, below: string): number =>
    medianRatio(rounds(above).map(cpuUs), rounds(below).map(cpuUs));
  return {
    storeOverNull: over("elastic-kv", "null store"),
    nullOverEcho: over("null store", "tcp echo"),
  };
}

/** What fails: doing so much less with a CPU second, relative to the reference of the same run, than is kept. */
export function smokeBars(measured: SmokeRatios, kept: SmokeRatios): Bar[] {
  return [
    atMost(
      "CPU time of a call, store ÷ null store",
      measured.storeOverNull,
      kept.storeOverNull / (1 - storeLossMax),
    ),
    atMost(
      "CPU time of a call, null store ÷ TCP echo",
      measured.nullOverEcho,
      kept.nullOverEcho / (1 - sdkLossMax),
    ),
  ];
}

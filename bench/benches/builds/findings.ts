import type { Measurement } from "../../contest.js";
import type { EngineCosts } from "../../engines/job.js";
import type { RunResult } from "../../load/job.js";
import { atLeast, atMost, type Bar } from "../../report/bar.js";
import type { FindingsTable } from "../../report/findings.js";
import { median, medianRatio } from "../../report/median.js";
import { formatCount, formatFigure } from "../../report/quantities.js";
import type { Join } from "./joins.js";

/** What was measured of one build, round by round. */
export interface BuildFigures {
  readonly name: string;
  readonly reads95: Measurement;
  readonly reads50: Measurement;
  /** Of a store that joins while the cluster has a part of the keys. */
  readonly smallJoins: readonly Join[];
  /** With all keys. */
  readonly joins: readonly Join[];
  /** Of the engine that its stores use. */
  readonly engine: readonly EngineCosts[];
}

/**
 * CPU time that a joining store used for each key, beyond that of one that got as many partitions with fewer keys: starting,
 * compiling and what a partition costs whatever is in it are in both.
 */
export function ingestUs({ smallJoins, joins }: Pick<BuildFigures, "smallJoins" | "joins">): number[] {
  const smallMs = median(smallJoins.map(({ targetCpuMs }) => targetCpuMs));
  const smallKeys = median(smallJoins.map(({ keys }) => keys));
  return joins.map(({ keys, targetCpuMs }) => ((targetCpuMs - smallMs) * 1000) / (keys - smallKeys));
}

/** The cost of moves, and of the engine by itself. */
export function buildTables(builds: readonly BuildFigures[]): FindingsTable[] {
  const engineFigure = ({ engine }: BuildFigures, pick: (costs: EngineCosts) => number): string =>
    formatFigure(median(engine.map(pick)));
  return [
    {
      title: "a store joins",
      head: ["build", "keys", "its CPU, ms", "keys", "its CPU, ms", "a further key, µs"],
      rows: builds.map((build) => [
        build.name,
        ...[build.smallJoins, build.joins].flatMap((joins) => [
          formatCount(median(joins.map(({ keys }) => keys))),
          formatFigure(median(joins.map(({ targetCpuMs }) => targetCpuMs))),
        ]),
        formatFigure(median(ingestUs(build))),
      ]),
    },
    {
      title: "the engine by itself, CPU µs a record",
      head: ["build", "get", "commit of 1", "of 5", "of 50", "ingest", "scan", "deletion"],
      rows: builds.map((build) => [
        build.name,
        engineFigure(build, ({ getUs }) => getUs),
        engineFigure(build, ({ commit1Us }) => commit1Us),
        engineFigure(build, ({ commit5Us }) => commit5Us),
        engineFigure(build, ({ commit50Us }) => commit50Us),
        engineFigure(build, (costs) => costs.ingestUs),
        engineFigure(build, ({ scanUs }) => scanUs),
        engineFigure(build, ({ dropUs }) => dropUs),
      ]),
    },
  ];
}

/** Undefined when so few keys moved that what they cost cannot be told from what starting a store costs. */
function ingestRatio(ours: BuildFigures, other: BuildFigures): number | undefined {
  const [above, below] = [ingestUs(ours), ingestUs(other)];
  return [...above, ...below].every((us) => us > 0) ? medianRatio(above, below) : undefined;
}

/** What this build is to reach next to the other: medians of the ratios within each round. */
export function buildBars(ours: BuildFigures, other: BuildFigures): Bar[] {
  const calls = (scenario: "reads95" | "reads50", pick: (round: RunResult) => number): number | undefined =>
    medianRatio(ours[scenario].rounds.map(pick), other[scenario].rounds.map(pick));
  const engine = (pick: (costs: EngineCosts) => number): number =>
    medianRatio(ours.engine.map(pick), other.engine.map(pick));
  const serverCpu = ({ serverCpuUs }: RunResult): number => serverCpuUs;
  const throughput = ({ operationsPerSecond }: RunResult): number => operationsPerSecond;
  return [
    atMost("95 % reads: server CPU of a call", calls("reads95", serverCpu), 0.65),
    atMost("50 % reads: server CPU of a call", calls("reads50", serverCpu), 0.5),
    atLeast("95 % reads: throughput", calls("reads95", throughput), 1.25),
    atLeast("50 % reads: throughput", calls("reads50", throughput), 1.6),
    atMost("a move: CPU of the target for a key", ingestRatio(ours, other), 0.6),
    atMost(
      "deletion of a moved partition: CPU for a key",
      engine(({ dropUs }) => dropUs),
      0.1,
    ),
    atMost(
      "a commit of one write: CPU of the engine",
      engine(({ commit1Us }) => commit1Us),
      0.25,
    ),
  ].map((bar) => ({ ...bar, text: `${bar.text} ÷ ${other.name}` }));
}

import type { EngineCosts, EngineReads, EngineStart } from "../../engines/job.js";
import type { EngineKind } from "../../engines/open-engine.js";
import type { EngineStarts } from "../../processes/engine-process.js";
import { atMost, type Bar } from "../../report/bar.js";
import type { FindingsTable } from "../../report/findings.js";
import { median, medianRatio } from "../../report/median.js";
import { formatCount, formatFigure } from "../../report/quantities.js";

/** What was measured of one engine, round by round. */
export interface EngineFigures {
  readonly kind: EngineKind;
  readonly costs: readonly EngineCosts[];
  readonly reads: readonly EngineReads[];
  /** Empty for an engine that keeps nothing. */
  readonly starts: readonly EngineStarts[];
}

function medianOf<T>(rounds: readonly T[], pick: (round: T) => number): number {
  return median(rounds.map(pick));
}

/** Medians of every engine. */
export function engineTables(engines: readonly EngineFigures[], startKeys: number): FindingsTable[] {
  return [costsTable(engines), readsTable(engines), startsTable(engines, startKeys)];
}

function costsTable(engines: readonly EngineFigures[]): FindingsTable {
  const picks: readonly (readonly [string, (costs: EngineCosts) => number])[] = [
    ["get", ({ getUs }) => getUs],
    ["get after writes", ({ getAfterWritesUs }) => getAfterWritesUs],
    ["commit of 1", ({ commit1Us }) => commit1Us],
    ["of 5", ({ commit5Us }) => commit5Us],
    ["of 50", ({ commit50Us }) => commit50Us],
    ["ingest", ({ ingestUs }) => ingestUs],
    ["scan", ({ scanUs }) => scanUs],
    ["drop", ({ dropUs }) => dropUs],
    ["memory, B/key", ({ residentBytesPerKey }) => residentBytesPerKey],
  ];
  return {
    title: "CPU µs a record",
    head: ["engine", ...picks.map(([name]) => name)],
    rows: engines.map(({ kind, costs }) => [
      kind,
      ...picks.map(([, pick]) => formatFigure(medianOf(costs, pick))),
    ]),
  };
}

function readsTable(engines: readonly EngineFigures[]): FindingsTable {
  return {
    title: "reads, µs from when the write before them began",
    head: ["engine", "p50", "p99", "p99.9", "cleaning: p50", "p99", "p99.9"],
    rows: engines.map(({ kind, reads }) => [
      kind,
      ...(["calm", "cleaning"] as const).flatMap((phase) => [
        formatFigure(medianOf(reads, (round) => round[phase].p50Us)),
        formatFigure(medianOf(reads, (round) => round[phase].p99Us)),
        formatFigure(medianOf(reads, (round) => round[phase].p999Us)),
      ]),
    ]),
  };
}

function startsTable(engines: readonly EngineFigures[], startKeys: number): FindingsTable {
  const figures = (starts: readonly EngineStarts[], which: keyof EngineStarts): string[] => {
    const of = (pick: (start: EngineStart) => number): string =>
      formatFigure(medianOf(starts, (round) => pick(round[which])));
    return [of(({ wallMs }) => wallMs), of(({ cpuMs }) => cpuMs)];
  };
  return {
    title: `start with ${formatCount(startKeys)} keys`,
    head: ["engine", "clean, ms", "its CPU, ms", "after kill -9, ms", "its CPU, ms", "memory, B/key"],
    rows: engines
      .filter(({ starts }) => starts.length > 0)
      .map(({ kind, starts }) => [
        kind,
        ...figures(starts, "clean"),
        ...figures(starts, "killed"),
        formatFigure(medianOf(starts, ({ clean }) => clean.residentBytesPerKey)),
      ]),
  };
}

/** What the engine of stores is to reach. The starts are meant for 10,000,000 keys. */
export function engineBars(engines: readonly EngineFigures[], own: EngineKind, startKeys: number): Bar[] {
  const of = (kind: EngineKind): EngineFigures | undefined => engines.find((one) => one.kind === kind);
  const [ours, lmdb] = [of(own), of("lmdb-reference")];
  const commits = (figures: EngineFigures | undefined): number[] =>
    (figures?.costs ?? []).map(({ commit1Us }) => commit1Us);
  const p999s = (phase: keyof EngineReads): number[] =>
    (ours?.reads ?? []).map((round) => round[phase].p999Us);
  const startSeconds = (which: keyof EngineStarts): number | undefined =>
    ours && ours.starts.length > 0 ? medianOf(ours.starts, (round) => round[which].wallMs) / 1000 : undefined;
  const start = `start with ${formatCount(startKeys)} keys`;
  return [
    atMost("a commit of one write: CPU ÷ LMDB", medianRatio(commits(ours), commits(lmdb)), 0.25),
    atMost("p99.9 of reads while it cleans ÷ without", medianRatio(p999s("cleaning"), p999s("calm")), 2),
    atMost(`${start} after a clean stop, seconds`, startSeconds("clean"), 2),
    atMost(`${start} after kill -9, seconds`, startSeconds("killed"), 4),
  ];
}

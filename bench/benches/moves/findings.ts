import type { WatchPhase, WatchWindow } from "../../load/job.js";
import type { LatencySummary } from "../../load/latency.js";
import { lineChart } from "../../plot/line-chart.js";
import { atLeast, atMost, type Bar } from "../../report/bar.js";
import type { FindingsTable, Plot } from "../../report/findings.js";
import { median } from "../../report/median.js";
import { formatCount, formatFigure } from "../../report/quantities.js";
import type { Episode } from "./episode.js";

const elastic = "elastic-kv";

function rate({ moved }: Episode): number {
  return moved.keys / moved.seconds;
}

function of(episodes: readonly Episode[], isElastic: boolean): readonly Episode[] {
  return episodes.filter(({ system }) => (system === elastic) === isElastic);
}

function phase({ seen }: Episode, name: string): WatchPhase | undefined {
  return seen?.phases.find((found) => found.name === name);
}

function failuresOf({ seen }: Episode): number {
  return (seen?.phases ?? []).reduce((sum, { failures }) => sum + failures, 0);
}

/** Keys and bytes moved in a second; the bytes are those of keys and values. */
export function movesTable(title: string, episodes: readonly Episode[], bytesPerKey: number): FindingsTable {
  const systems = [...new Set(episodes.map(({ system }) => system))];
  const rows = systems.map((system) => {
    const own = episodes.filter((episode) => episode.system === system);
    const keysPerSecond = median(own.map(rate));
    return [
      system,
      formatCount(median(own.map(({ moved }) => moved.keys))),
      formatFigure(median(own.map(({ moved }) => moved.seconds))),
      formatCount(keysPerSecond),
      formatFigure((keysPerSecond * bytesPerKey) / 1e6),
      `${own.reduce((sum, episode) => sum + failuresOf(episode), 0)}`,
    ];
  });
  return { title, head: ["system", "keys", "seconds", "keys/s", "MB/s", "failed calls"], rows };
}

/** What clients saw before, during and after. */
export function foregroundTable(episodes: readonly Episode[]): FindingsTable {
  const systems = [...new Set(episodes.map(({ system }) => system))];
  const rows = systems.flatMap((system) =>
    ["before", "start", "moving", "after"].flatMap((name) => {
      const phases = episodes
        .filter((episode) => episode.system === system)
        .flatMap((episode) => phase(episode, name) ?? []);
      if (phases.length === 0) return [];
      const us = (pick: (latency: LatencySummary) => number): string =>
        formatFigure(median(phases.map(({ latency }) => pick(latency))) / 1000);
      return [
        [
          `${system}: ${name}`,
          formatCount(median(phases.map(({ operationsPerSecond }) => operationsPerSecond))),
          us(({ p50Us }) => p50Us),
          us(({ p99Us }) => p99Us),
          us(({ p999Us }) => p999Us),
          formatFigure(Math.max(...phases.map(({ latency }) => latency.maxUs)) / 1000),
        ],
      ];
    }),
  );
  return {
    title: "foreground (start: the new member joins, nothing moves yet)",
    head: ["phase", "ops/s", "p50 ms", "p99 ms", "p99.9 ms", "longest ms"],
    rows,
  };
}

/** How long hand-offs made calls of one partition wait, where it is told. */
export function pausesTable(idle: readonly Episode[], loaded: readonly Episode[]): FindingsTable {
  const row = (name: string, episodes: readonly Episode[]): string[] => {
    const pauses = episodes.flatMap(({ moved }) => moved.pauses ?? []);
    return [
      `${elastic}, ${name}`,
      formatFigure(median(pauses.map(({ p50Ms }) => p50Ms))),
      formatFigure(median(pauses.map(({ p99Ms }) => p99Ms))),
      formatFigure(Math.max(...pauses.map(({ maxMs }) => maxMs))),
    ];
  };
  return {
    title: "pause of one partition in its hand-off",
    head: ["", "p50 ms", "p99 ms", "longest ms"],
    rows: [row("idle", idle), row("under load", loaded)],
  };
}

/** What is to be reached. */
export function movesBars(idle: readonly Episode[], loaded: readonly Episode[]): Bar[] {
  const ratio = (episodes: readonly Episode[]): number | undefined => {
    const [ours, theirs] = [of(episodes, true), of(episodes, false)];
    return theirs.length === 0 ? undefined : median(ours.map(rate)) / median(theirs.map(rate));
  };
  const ours = of(loaded, true);
  const p99 = (name: string): number =>
    median(ours.flatMap((episode) => phase(episode, name)?.latency.p99Us ?? []));
  const longest = ours.flatMap(({ seen }) =>
    (seen?.phases ?? []).flatMap(({ name, latency }) => (name === "moving" ? [latency.maxUs / 1000] : [])),
  );
  const pausesMs = ours.flatMap(({ moved }) => moved.pauses?.p99Ms ?? []);
  const minimum = of(idle, true).flatMap(({ moved }) => moved.movedOverMinimum ?? []);
  const failed = ours.reduce((sum, episode) => sum + failuresOf(episode), 0);
  const pauseMs = pausesMs.length === 0 ? undefined : median(pausesMs);
  return [
    atLeast("idle: keys/s ÷ redis-cli rebalance", ratio(idle), 24),
    atLeast("under load: keys/s ÷ redis-cli rebalance", ratio(loaded), 10),
    atMost("failed calls", failed, 0),
    atMost("foreground p99, moving ÷ before", p99("moving") / p99("before"), 2),
    atMost("longest call while moving, ms", Math.max(...longest), 50),
    atMost("hand-off pause under load, p99 ms", pauseMs, 10),
    atMost("partitions moved ÷ minimum", Math.max(...minimum), 1.05),
  ];
}

/** Latency over time around the moves, a picture for each system's last round. */
export function movesPlots(loaded: readonly Episode[]): Plot[] {
  const last = new Map(loaded.map((episode) => [episode.system, episode]));
  return [...last].flatMap(([system, episode]) => {
    const { seen } = episode;
    const moving = phase(episode, "moving");
    if (!seen || !moving) return [];
    const title = `${system}: latency of calls while a member is added`;
    const line = (
      name: string,
      pick: (window: WatchWindow) => number,
    ): { name: string; points: (readonly [number, number])[] } => ({
      name,
      points: seen.windows
        .filter(({ operationsPerSecond }) => operationsPerSecond > 0)
        .map((window) => [window.atSeconds, pick(window) / 1000] as const),
    });
    const lines = [
      line("p50", ({ p50Us }) => p50Us),
      line("p99", ({ p99Us }) => p99Us),
      line("longest", ({ maxUs }) => maxUs),
    ];
    const span = { from: moving.atSeconds, to: moving.atSeconds + moving.seconds, name: "moving" };
    const axes = { x: { title: "seconds" }, y: { title: "milliseconds", logarithmic: true } };
    const name = system === elastic ? "elastic" : "redis";
    return [{ name, title, svg: lineChart(title, axes, lines, [span]) }];
  });
}

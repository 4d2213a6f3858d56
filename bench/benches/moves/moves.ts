import type { Bench } from "../../bench.js";
import { numberOptions } from "../../options.js";
import { redis } from "../../processes/redis-cluster.js";
import { missingSoftware } from "../../systems/redis.js";
import { keyName } from "../../workload/key-name.js";
import { elasticResizing } from "./elastic.js";
import { type Episode, idleEpisode, loadedEpisode } from "./episode.js";
import { foregroundTable, movesBars, movesPlots, movesTable, pausesTable } from "./findings.js";
import { redisResizing } from "./redis.js";
import type { Resizing } from "./resizing.js";

const known = {
  keys: { default: 500_000, help: "keys of the data set" },
  "value-bytes": { default: 100, help: "bytes of a value" },
  nodes: { default: 3, help: "stores or nodes before one is added" },
  "in-flight": { default: 100, help: "calls in flight in the foreground" },
  reads: { default: 0.95, help: "share of these calls that read" },
  "calm-seconds": { default: 3, help: "how long the foreground is watched before and after" },
  rounds: { default: 3, help: "rounds of which the medians are shown" },
  seed: { default: 1, help: "seed of keys and values" },
};

/** What adding a store moves in a second, and what clients see of it. */
export const movesBench: Bench = {
  name: "moves",
  summary: "keys/s moved when a store is added, idle and under load, next to redis-cli --cluster rebalance",
  run: async (context) => {
    const options = numberOptions(context.args, known);
    const { keys, nodes, seed } = options;
    const valueBytes = options["value-bytes"];
    const foreground = {
      ...{ keys, valueBytes, seed, reads: options.reads },
      callsInFlight: options["in-flight"],
      calmMs: options["calm-seconds"] * 1000,
    };
    const missing = await missingSoftware(redis);
    const resizings: Resizing[] = [];
    const idle: Episode[] = [];
    const loaded: Episode[] = [];
    try {
      for (const start of missing === undefined ? [elasticResizing, redisResizing] : [elasticResizing]) {
        resizings.push(await start({ ...context, keys, valueBytes, seed, nodes }));
      }
      for (let round = 0; round < options.rounds; round += 1) {
        for (const resizing of resizings) {
          context.note(`round ${round + 1}: ${resizing.name}`);
          idle.push(await idleEpisode(resizing));
          loaded.push(await loadedEpisode(resizing, { ...foreground, seed: seed + round }));
        }
      }
    } finally {
      for (const resizing of resizings) await resizing.stop();
    }
    const bytesPerKey = keyName(0).length + valueBytes;
    return {
      options,
      tables: [
        movesTable("idle", idle, bytesPerKey),
        movesTable("under load", loaded, bytesPerKey),
        foregroundTable(loaded),
        pausesTable(idle, loaded),
      ],
      bars: movesBars(idle, loaded),
      plots: movesPlots(loaded),
      data: [...idle, ...loaded].map(({ system, moved, seen }) => ({
        ...{ system, moved },
        seen: seen && { phases: seen.phases, firstFailure: seen.firstFailure },
      })),
      remarks: missing === undefined ? [] : [missing],
      passed: true,
    };
  },
};

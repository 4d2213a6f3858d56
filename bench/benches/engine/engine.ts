import { join } from "node:path";
import type { Bench, BenchContext } from "../../bench.js";
import { shuffled } from "../../contest.js";
import type { EngineCosts, EngineReads } from "../../engines/job.js";
import { defaultEngineOf, enginesOf } from "../../engines/open-engine.js";
import { numberOptions } from "../../options.js";
import { program } from "../../processes/child.js";
import { engineCosts, engineReads, type EngineStarts, engineStarts } from "../../processes/engine-process.js";
import { engineBars, type EngineFigures, engineTables } from "./findings.js";

const known = {
  keys: { default: 270_000, help: "keys of the data set, but for starts" },
  "start-keys": {
    default: 1_000_000,
    help: "keys that are there when an engine starts; the bars: 10,000,000",
  },
  "value-bytes": { default: 100, help: "bytes of a value" },
  partitions: { default: 342, help: "partitions of the keys: a third of the product's default" },
  operations: { default: 50_000, help: "gets, and puts in commits of each size" },
  turns: { default: 50_000, help: "turns with reads and a write, calm and while the engine cleans" },
  "slack-mib": { default: 32, help: "MiB of garbage that an engine keeps beside as much as it has data" },
  rounds: { default: 5, help: "rounds of which the medians are shown" },
  seed: { default: 1, help: "seed of keys, values and the order of the runs" },
};

type Options = Record<keyof typeof known, number>;

interface Measured {
  readonly kind: EngineFigures["kind"];
  readonly costs: EngineCosts[];
  readonly reads: EngineReads[];
  readonly starts: EngineStarts[];
}

/** The storage engines by themselves, each job in a process of its own: all of this build, and LMDB with nothing around it. */
export const engineBench: Bench = {
  name: "engine",
  summary: "the storage engines by themselves, next to LMDB: CPU of each operation, reads, starts, memory",
  run: async (context) => {
    const options = numberOptions(context.args, known);
    const dist = program("");
    const engines: Measured[] = enginesOf(dist).map((kind) => ({ kind, costs: [], reads: [], starts: [] }));
    for (let round = 0; round < options.rounds; round += 1) {
      for (const engine of shuffled(engines, options.seed + round)) {
        context.note(`round ${round + 1}: ${engine.kind}`);
        await measure(engine, dist, options, round, context);
      }
    }
    return {
      options,
      tables: engineTables(engines, options["start-keys"]),
      bars: engineBars(engines, defaultEngineOf(dist), options["start-keys"]),
      plots: [],
      data: engines,
      remarks: [],
      passed: true,
    };
  },
};

async function measure(
  { kind, costs, reads, starts }: Measured,
  dist: string,
  options: Options,
  round: number,
  { folder, profileFolder }: BenchContext,
): Promise<void> {
  const { keys, partitions, operations, turns, seed } = options;
  const slackBytes = options["slack-mib"] * 2 ** 20;
  const job = (name: string): Omit<Parameters<typeof engineCosts>[0], "operations"> => ({
    ...{ engine: kind, dist, keys, partitions, seed: seed + round, valueBytes: options["value-bytes"] },
    folder: join(folder, `${kind}-${round}-${name}`),
  });
  costs.push(await engineCosts({ ...job("costs"), operations }, { profileFolder }));
  reads.push(await engineReads({ ...job("reads"), turns, slackBytes }, { profileFolder }));
  if (kind === "memory") return;
  starts.push(await engineStarts({ ...job("starts"), keys: options["start-keys"] }, { profileFolder }));
}

import type { Bench, BenchContext } from "../../bench.js";
import { compete, type Measurement } from "../../contest.js";
import { numberOptions } from "../../options.js";
import { isReached } from "../../report/bar.js";
import type { Findings } from "../../report/findings.js";
import { measurementTable } from "../../report/summary.js";
import { startElastic } from "../../systems/elastic.js";
import { startEcho, startNullStore } from "../../systems/limits.js";
import { startSystems } from "../../systems/system.js";
import { readUpdateMix } from "../../workload/workload.js";
import { keptRatios } from "./kept.js";
import { rehearse } from "./rehearsal.js";
import { measuredRatios, smokeBars } from "./ratios.js";

const known = {
  keys: { default: 20_000, help: "keys of the data set" },
  rounds: { default: 5, help: "rounds; as many again before it fails" },
  seconds: { default: 1, help: "length of a round" },
  seed: { default: 1, help: "seed of keys, values and the order of the runs" },
};

type Options = Record<keyof typeof known, number>;

const valueBytes = 100;
const reads = 0.95;
const warmUpOperations = 80_000;
/** Batches of one size, or the cost of a call would depend on how busy the machine is. */
const callsAtOnce = 250;

/** A quick look for a loss of speed, by the CPU time of a call: that is the same on a busy machine. */
export const smokeBench: Bench = {
  name: "smoke",
  summary: "fails when a call costs 30 % more, relative to the null store, than is kept; tries other benches",
  run: async (context) => {
    const options = numberOptions(context.args, known);
    const findings = await measureSmoke(options, context);
    await rehearse(context);
    return findings;
  },
};

async function measureSmoke(options: Options, context: BenchContext): Promise<Findings> {
  const { keys, seed, rounds } = options;
  const systems = await startSystems([startElastic, startNullStore, startEcho], {
    ...context,
    ...{ keys, valueBytes, seed, nodes: 1 },
  });
  try {
    const scenario = {
      name: `95 % reads, ${callsAtOnce} at once`,
      workload: readUpdateMix(reads, keys, valueBytes),
      shape: { kind: "lockstep", callsAtOnce },
      connections: 1,
    } as const;
    const measure = (firstSeed: number): Promise<Measurement[]> =>
      compete(scenario, systems.subjects, {
        ...{ rounds, measureMs: options.seconds * 1000, seed: firstSeed },
        ...{ warmUpMs: 0, warmUpOperations, profileFolder: context.profileFolder },
      });
    let data = await measure(seed);
    let bars = smokeBars(measuredRatios(data), keptRatios);
    if (!bars.every(isReached)) {
      context.note("slower than is kept: looking again");
      const again = await measure(seed + rounds);
      data = data.map((first, i) => ({ ...first, rounds: [...first.rounds, ...(again[i]?.rounds ?? [])] }));
      bars = smokeBars(measuredRatios(data), keptRatios);
    }
    const passed = bars.every((bar) => isReached(bar) === true);
    return { options, tables: [measurementTable(data)], bars, plots: [], data, remarks: [], passed };
  } finally {
    await systems.stop();
  }
}

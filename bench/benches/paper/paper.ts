import type { Bench } from "../../bench.js";
import { numberOptions } from "../../options.js";
import { atLeast, type Bar } from "../../report/bar.js";
import { measureResizing, resizingTable } from "./resizing-script.js";
import { measureThroughput, throughputTable, throughputPlot } from "./throughput-script.js";

const known = {
  keys: { default: 20_000, help: "keys of the data set" },
  "stores-max": { default: 10, help: "stores that the first script grows to" },
  "throughput-stores-max": { default: 20, help: "most stores of the second script" },
  clients: { default: 100, help: "clients of the second script" },
  rounds: { default: 3, help: "rounds of the second script of which the medians are shown" },
  "call-seconds": { default: 3, help: "how long each round of the second script is measured" },
  seed: { default: 1, help: "seed of keys and values" },
};

/** The evaluation of the paper (section 7): its two scripts. */
export const paperBench: Bench = {
  name: "paper",
  summary: "the paper's two scripts: one client while stores go 1, 10, 1; 100 clients at 1 to 20 stores",
  run: async (context) => {
    const options = numberOptions(context.args, known);
    const { keys, seed, clients, rounds } = options;
    const resized = await measureResizing(context, { keys, seed, storesMax: options["stores-max"] });
    const storesMax = options["throughput-stores-max"];
    const callMs = options["call-seconds"] * 1000;
    const throughputs = await measureThroughput(context, { keys, seed, clients, callMs, rounds, storesMax });
    const at = (stores: number, shared: boolean): number | undefined =>
      throughputs.find((found) => found.stores === stores && found.shared === shared)?.operationsPerSecond
        .median;
    const flatness = (shared: boolean): number | undefined => {
      const [most, one] = [at(20, shared), at(1, shared)];
      return most === undefined || one === undefined ? undefined : most / one;
    };
    const bars: Bar[] = [
      atLeast("script 1: calls that succeeded, % (paper: 99.3)", resized.successPercent, 100),
      atLeast("script 2, one SDK object: calls/s at 1 store (paper: 320)", at(1, true), 32_000),
      atLeast("script 2, one SDK object: 20 stores ÷ 1 store", flatness(true), 0.7),
      atLeast("script 2, a connection each: calls/s at 1 store", at(1, false), 8000),
      atLeast("script 2, a connection each: 20 stores ÷ 1 store", flatness(false), 0.7),
    ];
    return {
      options,
      tables: [resizingTable(resized), throughputTable(throughputs)],
      bars,
      plots: [throughputPlot(throughputs)],
      data: { resized, throughputs },
      remarks: [],
      passed: true,
    };
  },
};

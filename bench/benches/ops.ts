import type { Bench } from "../bench.js";
import { compete, type Measurement, runIn } from "../contest.js";
import { numberOptions } from "../options.js";
import { atLeast, type Bar } from "../report/bar.js";
import { measurementTable, medianOf } from "../report/summary.js";
import { startElastic } from "../systems/elastic.js";
import { startBarePipeline, startNullStore } from "../systems/limits.js";
import { startSystems } from "../systems/system.js";
import { readUpdateMix } from "../workload/workload.js";

const known = {
  keys: { default: 100_000, help: "keys of the data set" },
  "value-bytes": { default: 100, help: "bytes of a value" },
  reads: { default: -1, help: "share of the calls that read; -1: 0.95, then 1" },
  seconds: { default: 3, help: "length of a round" },
  rounds: { default: 3, help: "rounds of which the medians are shown" },
  stores: { default: 1, help: "stores" },
  seed: { default: 1, help: "seed of keys and values" },
  "in-flight": { default: 0, help: "calls in flight; 0: 100, then 1,000" },
};

const warmUpMs = 1500;
const runInSeconds = 8;

/**
 * One client process against a durable store, and against the bare pipeline and the null store, in turns: where does the
 * CPU time go?
 */
export const opsBench: Bench = {
  name: "ops",
  summary: "throughput and CPU time of a call, a durable store next to its limits; for tuning",
  run: async (context) => {
    const options = numberOptions(context.args, known);
    const { keys, seed, stores: nodes, rounds } = options;
    const valueBytes = options["value-bytes"];
    const systems = await startSystems([startElastic, startBarePipeline, startNullStore], {
      ...context,
      ...{ keys, valueBytes, seed, nodes },
    });
    try {
      const shares = options.reads < 0 ? [0.95, 1] : [options.reads];
      await runIn(systems.subjects, readUpdateMix(shares[0] ?? 1, keys, valueBytes), {
        ...{ seconds: runInSeconds, seed },
      });
      const data: Measurement[][] = [];
      for (const reads of shares) {
        for (const callsInFlight of options["in-flight"] > 0 ? [options["in-flight"]] : [100, 1000]) {
          const scenario = {
            name: `${Math.round(reads * 100)} % reads, ${callsInFlight} in flight`,
            workload: readUpdateMix(reads, keys, valueBytes),
            shape: { kind: "closed", callsInFlight },
            connections: 1,
          } as const;
          const measureMs = options.seconds * 1000;
          const { profileFolder } = context;
          const length = { rounds, warmUpMs, measureMs, seed, profileFolder };
          data.push(await compete(scenario, systems.subjects, length));
        }
      }
      const tables = data.map(measurementTable);
      const bars = data.flatMap((measurements) => [
        ratioBar(measurements, "bare pipeline", 1),
        ratioBar(measurements, "null store", 0.7),
      ]);
      return { options, tables, bars, plots: [], data, remarks: [], passed: true };
    } finally {
      await systems.stop();
    }
  },
};

/** Throughput of the store over that of a limit. */
function ratioBar(measurements: readonly Measurement[], limit: string, required: number): Bar {
  const of = (subject: string): number => {
    const found = measurements.find((measurement) => measurement.subject === subject);
    return found ? medianOf(found, ({ operationsPerSecond }) => operationsPerSecond) : NaN;
  };
  const text = `${measurements[0]?.scenario ?? ""}: store ÷ ${limit}`;
  return atLeast(text, of("elastic-kv") / of(limit), required);
}

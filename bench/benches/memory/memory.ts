import type { Bench } from "../../bench.js";
import { numberOptions } from "../../options.js";
import { runJob } from "../../processes/load-process.js";
import { residentBytes } from "../../processes/process-usage.js";
import { startElastic } from "../../systems/elastic.js";
import { startValkey } from "../../systems/redis.js";
import type { StartSystem, SystemOptions } from "../../systems/system.js";
import { readUpdateMix } from "../../workload/workload.js";
import { memoryBars, type MemoryFigures, memoryTable } from "./findings.js";

const known = {
  keys: { default: 3_000_000, help: "keys of the data set" },
  "value-bytes": { default: 100, help: "bytes of a value" },
  stores: { default: 1, help: "stores of Elastic-KV; Valkey always has three nodes" },
  seed: { default: 1, help: "seed of keys and values" },
};

/** The least that Valkey makes a cluster of. */
const valkeyNodes = 3;
const overwritesInFlight = 1000;

/** What a key takes in the memory of a loaded store, next to Valkey. */
export const memoryBench: Bench = {
  name: "memory",
  summary: "resident memory of a loaded store, by key, next to Valkey",
  run: async (context) => {
    const options = numberOptions(context.args, known);
    const { keys, stores, seed } = options;
    const asked = { ...context, keys, seed, valueBytes: options["value-bytes"] };
    const measured: MemoryFigures[] = [];
    const missing: string[] = [];
    for (const [start, nodes] of [
      [startElastic, stores],
      [startValkey, valkeyNodes],
    ] as const) {
      const figures = await memoryOf(start, { ...asked, nodes });
      if ("missing" in figures) missing.push(figures.missing);
      else measured.push(figures);
    }
    return {
      options,
      tables: [memoryTable(measured)],
      bars: memoryBars(measured),
      plots: [],
      data: measured,
      remarks: missing,
      passed: true,
    };
  },
};

/** Fills a system, looks at its memory, overwrites as many keys as there are, at random, and looks again. */
async function memoryOf(
  start: StartSystem,
  options: SystemOptions,
): Promise<MemoryFigures | { readonly missing: string }> {
  const system = await start(options);
  if ("missing" in system) return system;
  try {
    const [subject] = system.subjects;
    if (!subject) throw new Error("a system without subjects has no memory");
    const { peer, serverPids } = subject;
    const resident = (): number => serverPids.reduce((sum, pid) => sum + residentBytes(pid), 0);
    const { keys, valueBytes, seed } = options;
    const loadedBytes = resident();
    await runJob({
      ...{ kind: "run", peer, serverPids, seed: seed + 1, connections: 1 },
      workload: readUpdateMix(0, keys, valueBytes),
      shape: { kind: "closed", callsInFlight: overwritesInFlight },
      ...{ warmUpMs: 0, warmUpOperations: keys, measureMs: 0 },
    });
    return { system: subject.name.replace(/,.*/, ""), keys, loadedBytes, overwrittenBytes: resident() };
  } finally {
    await system.stop();
  }
}

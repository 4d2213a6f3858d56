import type { Bench } from "../../bench.js";
import { numberOptions } from "../../options.js";
import { clientsPart } from "./clients.js";
import { fanOutPart } from "./fan-out.js";
import type { GrowthFindings } from "./growth-part.js";
import { keysPart } from "./keys.js";
import { partitionsPart } from "./partitions.js";
import { plannerPart } from "./planner.js";
import { storesPart } from "./stores.js";
import { valuesPart } from "./values.js";

const known = {
  "keys-max": { default: 1_000_000, help: "most keys: a power of ten" },
  "stores-max": { default: 20, help: "most stores" },
  "clients-max": { default: 1000, help: "most clients: a power of ten" },
  seconds: { default: 3, help: "length of a measurement" },
  part: {
    default: 0,
    help: "1 keys, 2 values, 3 partitions, 4 stores, 5 clients, 6 fan-out, 7 planner; 0: all",
  },
  seed: { default: 1, help: "seed of keys and values" },
};

const parts = [keysPart, valuesPart, partitionsPart, storesPart, clientsPart, fanOutPart, plannerPart];

/** What it costs to grow, one dimension at a time. */
export const growthBench: Bench = {
  name: "growth",
  summary: "what more keys, larger values, more partitions, stores and clients cost",
  run: async (context) => {
    const options = numberOptions(context.args, known);
    const limits = {
      keysMax: options["keys-max"],
      storesMax: options["stores-max"],
      clientsMax: options["clients-max"],
      measureMs: options.seconds * 1000,
      seed: options.seed,
    };
    const found: GrowthFindings[] = [];
    for (const part of options.part === 0 ? parts : parts.slice(options.part - 1, options.part)) {
      found.push(await part.run(context, limits));
    }
    const tables = found.map(({ table }) => table);
    const plots = found.flatMap((part) => part.plots);
    const bars = found.flatMap((part) => part.bars ?? []);
    return { options, tables, bars, plots, data: tables, remarks: [], passed: true };
  },
};

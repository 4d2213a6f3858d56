import { join } from "node:path";
import type { BenchContext } from "../../bench.js";
import { program } from "../../processes/child.js";
import type { Findings } from "../../report/findings.js";
import { compareBuilds } from "../builds/builds.js";
import { coldBench } from "../cold/cold.js";
import { engineBench } from "../engine/engine.js";
import { memoryBench } from "../memory/memory.js";

const sizes = {
  memory: { keys: 2000 },
  cold: {
    ...{ keys: 2000, seconds: 0.2, "warm-up-seconds": 0.1, "run-in-seconds": 0.2, rounds: 1 },
  },
  engine: { keys: 4000, "start-keys": 4000, operations: 500, turns: 200, "slack-mib": 1, rounds: 1 },
  builds: {
    ...{ keys: 2000, nodes: 1, seconds: 0.2, "warm-up-seconds": 0.1, "run-in-seconds": 0.2, rounds: 1 },
    ...{ "engine-keys": 4000, "engine-operations": 500 },
  },
};

type Rehearsed = keyof typeof sizes;

/**
 * Runs the benches that CI has no time for at a tiny size, `builds` with this build in both parts. Rejects when one does not
 * work; what they measure at that size means nothing.
 */
export async function rehearse(context: BenchContext): Promise<void> {
  const runs: Readonly<Record<Rehearsed, (context: BenchContext) => Promise<Findings>>> = {
    memory: (own) => memoryBench.run(own),
    cold: (own) => coldBench.run(own),
    engine: (own) => engineBench.run(own),
    builds: (own) => compareBuilds({ name: "itself", dist: program("") }, own),
  };
  for (const name of Object.keys(sizes) as Rehearsed[]) {
    context.note(`${name}, at a tiny size`);
    const args = Object.entries(sizes[name]).flatMap(([option, value]) => [`--${option}`, `${value}`]);
    const { tables } = await runs[name]({ ...context, args, folder: join(context.folder, name) });
    for (const { title, rows } of tables) {
      if (rows.length === 0) throw new Error(`${name}: the table "${title}" is empty`);
    }
  }
}

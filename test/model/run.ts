import { checkLinearizable } from "./checkers/linearizable.js";
import { checkRest, checkUnrest } from "./checkers/rest.js";
import { heal } from "./healing.js";
import type { ModelOptions } from "./options.js";
import type { Rules } from "./rules.js";
import { Schedule } from "./schedule.js";
import { type Figure, Violation } from "./world/observations.js";
import { World } from "./world/world.js";

/** What came of a seed. */
export interface RunResult {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly figures: ReadonlyMap<Figure, number>;
  /** What happened, when it was asked for. */
  readonly trace: readonly string[];
}

/** Drives a cluster through a seed's faults, heals it, and checks what everybody saw. */
export function runSeed(seed: number, options: ModelOptions, rules: Rules, keepsTrace = false): RunResult {
  const world = new World(seed, options, rules, keepsTrace);
  const { figures, trace } = world.observations;
  const violation = violationOf(() => {
    new Schedule(world).run();
    if (!heal(world)) checkUnrest(world);
    else {
      for (const watcher of world.watchers) for (let n = 0; n < 40; n += 1) watcher.poll();
      checkRest(world);
    }
    checkLinearizable(world.clients.calls);
  });
  return { seed, violation, figures, trace };
}

function violationOf(run: () => void): Violation | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof Violation) return error;
    throw error;
  }
}

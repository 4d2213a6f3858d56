import { Rules } from "../rules.js";
import { Violation } from "../world/observations.js";
import type { Scenario } from "./scenario.js";
import { Impossible, Stage } from "./stage.js";

/** Plays a scenario with as many seeds, its rule kept or broken. The first violation; undefined: there was none. */
export function playScenario(scenario: Scenario, seeds: number, isKept: boolean): Violation | undefined {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const rules = new Rules(isKept ? [] : [scenario.rule]);
    try {
      scenario.play(new Stage(seed, scenario.options, rules));
    } catch (error) {
      if (error instanceof Violation) return error;
      if (!(error instanceof Impossible)) throw error;
    }
  }
  return undefined;
}

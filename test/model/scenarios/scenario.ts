import type { ModelOptions } from "../options.js";
import type { RuleName } from "../rules.js";
import type { Stage } from "./stage.js";

/** A history that shows what a rule is for, where random runs seldom get to. */
export interface Scenario {
  readonly name: string;
  readonly rule: RuleName;
  readonly options: ModelOptions;
  /** What of it is drawn by the seed: who of several is chosen, how long a log is, how much a power cut takes. */
  readonly play: (stage: Stage) => void;
}

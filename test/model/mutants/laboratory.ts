import { runCampaign } from "../campaign.js";
import { clusterKinds } from "../clusters.js";
import { Rules } from "../rules.js";
import type { Mutant } from "./mutants.js";

/** What became of a mutant. */
export interface MutantResult {
  readonly runs: number;
  /** The violation that it made; undefined: it lives. */
  readonly message: string | undefined;
  /** The same seed fails without the mutant: nothing was found about it. */
  readonly isModelBad: boolean;
}

/** Runs seeds with the mutant's rules broken until one fails, and that one again with all rules kept. */
export function tryMutant({ breaks, cluster }: Mutant, first: number, seeds: number): MutantResult {
  const kinds = clusterKinds.filter(({ name }) => name === cluster);
  const { runs, failure } = runCampaign({ kinds, rules: new Rules(breaks), first, seeds, untilMs: Infinity });
  if (!failure) return { runs, message: undefined, isModelBad: false };
  const { kind, result } = failure;
  const control = kind.run(result.seed, new Rules());
  return { runs, message: result.violation?.message, isModelBad: control.violation !== undefined };
}

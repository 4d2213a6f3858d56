import type { ClusterKind } from "./clusters.js";
import type { RunResult } from "./run.js";
import type { Rules } from "./rules.js";
import type { Figure } from "./world/observations.js";

/** Which runs to make. */
export interface CampaignOptions {
  readonly kinds: readonly ClusterKind[];
  readonly rules: Rules;
  readonly first: number;
  /** Each seed is one run of each kind of cluster. */
  readonly seeds: number;
  /** No run begins after this; by `performance.now()`. */
  readonly untilMs: number;
  readonly keepsTrace?: boolean;
  /** After each run; returns whether to go on. */
  readonly onRun?: (kind: ClusterKind, result: RunResult) => boolean;
}

/** What a campaign did. */
export interface CampaignResult {
  readonly runs: number;
  readonly figures: ReadonlyMap<Figure, number>;
  /** The first run that broke a promise. */
  readonly failure: { readonly kind: ClusterKind; readonly result: RunResult } | undefined;
}

/** Runs seeds one after the other: to the first violation, unless `onRun` goes on. */
export function runCampaign(options: CampaignOptions): CampaignResult {
  const figures = new Map<Figure, number>();
  let runs = 0;
  let failure: CampaignResult["failure"];
  for (let seed = options.first; seed < options.first + options.seeds; seed += 1) {
    for (const kind of options.kinds) {
      if (performance.now() >= options.untilMs) return { runs, figures, failure };
      const result = kind.run(seed, options.rules, options.keepsTrace);
      runs += 1;
      for (const [figure, count] of result.figures) figures.set(figure, (figures.get(figure) ?? 0) + count);
      if (result.violation) failure ??= { kind, result };
      const goesOn = options.onRun?.(kind, result) ?? result.violation === undefined;
      if (!goesOn) return { runs, figures, failure };
    }
  }
  return { runs, figures, failure };
}

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runCampaign } from "./campaign.js";
import { clusterKinds } from "./clusters.js";
import { tryMutant } from "./mutants/laboratory.js";
import { mutants } from "./mutants/mutants.js";
import { Rules } from "./rules.js";

// A share of what `npm run test:model` and `npm run test:model:mutants` do; see docs/models.md.
const seeds = 15;

/** Those that few seeds find, each a rule of another kind. */
const quickMutants = [
  "no reconciliation",
  "suspect promoted",
  "no dedupe",
  "reads without leases",
  "watch of the uncommitted",
];

describe("the model of replication", { timeout: 600_000 }, () => {
  it(`keeps its promises in ${seeds} seeds of each kind of cluster`, (context) => {
    const { failure, runs, figures } = runCampaign({
      ...{ kinds: clusterKinds, rules: new Rules(), first: 1, seeds, untilMs: Infinity },
    });
    context.diagnostic(JSON.stringify({ runs, ...Object.fromEntries(figures) }));
    if (failure) {
      const { kind, result } = failure;
      const again = `npm run test:model -- --cluster ${kind.name} --seed ${result.seed}`;
      assert.fail(`${result.violation?.message}; again: ${again}`);
    }
    for (const figure of ["failovers", "elections", "hand-offs", "power cuts", "deltas", "repeats"] as const)
      assert.ok((figures.get(figure) ?? 0) > 0, `there were ${figure}`);
  });

  it("does the same for the same seed", () => {
    const [kind] = clusterKinds;
    assert.ok(kind);
    const [one, other] = [1, 2].map(() => kind.run(7, new Rules(), true).trace);
    assert.deepEqual(one, other);
  });

  for (const mutant of mutants.filter(({ name }) => quickMutants.includes(name))) {
    it(`finds: ${mutant.name}`, () => {
      const { message, isModelBad } = tryMutant(mutant, 1, 60);
      assert.ok(message !== undefined && !isModelBad, message ?? "not found");
    });
  }
});

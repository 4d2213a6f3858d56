import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { playScenario } from "./play.js";
import { scenarios } from "./scenarios.js";

const seeds = 30;

describe("scenarios of replication", { timeout: 300_000 }, () => {
  for (const scenario of scenarios) {
    it(`${scenario.name}: harmless as long as ${scenario.rule}`, (context) => {
      assert.equal(playScenario(scenario, seeds, true), undefined);
      const violation = playScenario(scenario, seeds, false);
      assert.ok(violation, "the mutant breaks no promise");
      context.diagnostic(violation.message);
    });
  }
});

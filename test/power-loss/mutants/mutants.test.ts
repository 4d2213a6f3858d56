import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Laboratory } from "./laboratory.js";
import { mutants } from "./mutants.js";

/** A change of the engine makes other runs of the same seeds: one of this many has to find each mutant. */
const seedsMax = 20;
const share = 0.02;

describe("power cuts, under mutants of the engine", { timeout: 1_800_000 }, () => {
  let laboratory: Laboratory;
  before(() => {
    laboratory = new Laboratory();
  });
  after(() => laboratory.close());

  for (const mutant of mutants) {
    it(`find: ${mutant.name}`, async () => {
      const { seed } = await laboratory.try(mutant, { first: mutant.seed, seeds: seedsMax, share });
      assert.ok(seed !== undefined, `not found in ${seedsMax} seeds from ${mutant.seed} on`);
    });
  }
});

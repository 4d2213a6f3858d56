import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Laboratory } from "./laboratory.js";
import { mutants } from "./mutants.js";

/** A change of the product makes other runs of the same seeds: one of this many has to find each mutant. */
const seedsMax = 60;

describe("the simulator, on mutants of the product", { timeout: 1_800_000 }, () => {
  let laboratory: Laboratory;
  before(() => {
    laboratory = new Laboratory();
  });
  after(() => laboratory.close());

  for (const mutant of mutants) {
    const { name, seed: first, seconds, faults } = mutant;
    it(`finds: ${name}`, async () => {
      const { seed } = await laboratory.try(mutant, { first, seeds: seedsMax, seconds, faults });
      assert.ok(seed !== undefined, `the mutant was not found in ${seedsMax} seeds from ${first} on`);
    });
  }

  it("refuses a mutant of code that is not there", async () => {
    const mutant = {
      name: "none",
      file: "client/routing.js",
      find: "no such code",
      replace: "",
      seed: 1,
      seconds: 1,
    };
    await assert.rejects(laboratory.try(mutant, { first: 1, seeds: 1, seconds: 1 }), /in 0 places/);
  });
});

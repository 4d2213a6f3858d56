import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runDamages } from "../power-loss/damage/damages.js";

describe("a log in which a bit is turned over", { timeout: 900_000 }, () => {
  for (const ending of ["stopped", "killed"] as const) {
    it(`${ending}: is read right, or says which byte of which file is damaged`, async (context) => {
      const result = await runDamages({ ending, first: 1, seeds: 8, flips: 80 });
      context.diagnostic(JSON.stringify(result));
      assert.ok(result.refused > 20 && result.reported > 0, "bits were turned over that mattered");
    });

    it(`${ending}: so is a small one, in every byte`, async (context) => {
      const result = await runDamages({ ending, first: 12, seeds: 1, flips: "each byte", steps: 20 });
      context.diagnostic(JSON.stringify(result));
      assert.ok(result.refused > 20 && result.reported > 0, "bits were turned over that mattered");
    });
  }
});

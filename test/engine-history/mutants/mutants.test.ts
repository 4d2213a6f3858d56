import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CompiledCopy } from "../../support/compiled-copy.js";
import { mutants } from "./mutants.js";

const parts = [
  ...["dist/services", "dist/test/engine-history", "dist/test/support"],
  ...["dist/test/power-loss", "dist/test/simulation/world/random.js"],
];
/** One of so many histories has to find each mutant. */
const seedsMax = 12;

describe("histories of mutants of the engine", { timeout: 1_800_000 }, () => {
  let copy: CompiledCopy;
  before(() => {
    copy = new CompiledCopy(parts);
  });
  after(() => copy.close());

  for (const { name, edits } of mutants) {
    it(`find: ${name}`, async (context) => {
      const argv = ["--first", "1", "--seeds", String(seedsMax), "--steps", "600"];
      const program = "dist/test/engine-history/main.js";
      const { status, output } = await copy.with(name, edits, () => copy.run(program, argv));
      assert.equal(status, 1, output.slice(-500));
      const found = /seed \d+: FAILED: .*/.exec(output)?.[0];
      assert.ok(found, output.slice(-2000));
      context.diagnostic(found.slice(0, 200));
    });
  }
});

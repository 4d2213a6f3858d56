import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BrokenPromise, explore } from "./exploration.js";
import { runOf } from "./round.js";
import { type Flaw, flaws, toyLog } from "./toy-log.js";

const seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const statesMax = 600;

async function exploreToy(seed: number, flaw?: Flaw): Promise<void> {
  let states = 0;
  const onState = (): boolean => (states += 1) < statesMax;
  await explore(runOf(seed), toyLog(flaw), { share: 0.2, drawn: 3, goOnShare: 0.05, cuts: 2, onState });
}

describe("the power-loss checker", () => {
  it("passes a log that keeps its promises", async () => {
    for (const seed of seeds.slice(0, 2)) await exploreToy(seed);
  });

  for (const flaw of flaws) {
    it(`fails a log that ${flaw}`, async (context) => {
      for (const seed of seeds) {
        try {
          await exploreToy(seed, flaw);
        } catch (error) {
          assert.ok(error instanceof BrokenPromise, String(error));
          context.diagnostic(`seed ${seed}: ${error.message}`);
          return;
        }
      }
      assert.fail(`not found under the seeds ${seeds.join(", ")}`);
    });
  }
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runCampaign } from "./campaign.js";
import { runKills } from "./kills/kills.js";

// A share of what `npm run test:power-loss` does; see docs/testing.md.
const share = 0.01;
const kills = 30;

describe("the engine on a log", { timeout: 900_000 }, () => {
  it("keeps its promises in every state that a power cut may leave", async (context) => {
    let removed = 0;
    let checkpoints = 0;
    const { failure, ...result } = await runCampaign({
      first: 1,
      seeds: Infinity,
      statesMax: 3000,
      share,
      untilMs: Infinity,
      onRun: (_, run) => {
        removed += run.removed;
        checkpoints += run.checkpoints;
      },
    });
    if (failure) {
      const { seed, error } = failure;
      assert.fail(`${error.message}; again: npm run test:power-loss -- --seed ${seed} --share ${share}`);
    }
    context.diagnostic(JSON.stringify(result));
    assert.ok(removed > 20 && checkpoints > 20, "segments were cleaned and checkpoints written");
  });

  it(`loses nothing acknowledged in ${kills} kills, on a real disk`, async (context) => {
    const result = await runKills({ kills, seed: 1, untilMs: Infinity });
    context.diagnostic(JSON.stringify(result));
    assert.equal(result.kills, kills);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Counts, runHistory } from "./history.js";

// A share of what `npm run test:engine-history` does; see docs/testing.md.
const histories = 16;
const steps = 800;

describe("engines on real files", { timeout: 900_000 }, () => {
  it("hold what a plain map holds, with moves, expiry, cleaning and eviction at once", async (context) => {
    const totals: Counts = {};
    for (let seed = 1; seed <= histories; seed += 1) {
      const counts = await runHistory({ seed, steps, comparesAlways: false }).catch((error: unknown) => {
        const again = `npm run test:engine-history -- --seed ${seed} --steps ${steps}`;
        throw new Error(`seed ${seed} failed; again: ${again}`, { cause: error });
      });
      for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count;
    }
    context.diagnostic(JSON.stringify(totals));
    // What did not happen was not tested.
    const least = { moved: 50, expired: 200, kill: 20, restart: 20, drop: 20 };
    const leastOnDisk = { coldReads: 10_000, loads: 500, segmentsRemoved: 500, checkpointsBelieved: 20 };
    for (const [name, count] of Object.entries({ ...least, ...leastOnDisk })) {
      assert.ok((totals[name] ?? 0) >= count, `${name}: ${totals[name]}, should be ${count} at least`);
    }
  });
});

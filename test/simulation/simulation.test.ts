import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type FaultName, faultNames } from "./faults/faults.js";
import { simulate, type SimulationResult } from "./simulation.js";

// Every fixed seed of a cluster's whole life: see docs/testing.md. Failing ones are told with the command that replays them.
const seeds = [1, 2, 3, 5, 7, 11, 13, 17];
const seconds = 8;
interface Regression {
  readonly seed: number;
  readonly seconds: number;
  readonly faults?: readonly FaultName[];
  readonly found: string;
}

/** Seeds that found a bug, with the virtual seconds they ran for: they stay, for the code around it. */
const regressions: readonly Regression[] = [
  { seed: 18, seconds: 20, found: "a call judged by a write that was never stored" },
  { seed: 1113, seconds: 15, found: "entries that were not adopted after a failing disk" },
  { seed: 1148, seconds: 15, found: "counters left behind at the end of a deletion" },
  { seed: 5059, seconds: 12, found: "an older copy served before the entry was durable" },
  {
    seed: 36,
    seconds: 15,
    faults: ["setClock"],
    found: "a condition refused for an expiry that a clock set back undid",
  },
  { seed: 10_643_984, seconds: 15, found: "an operation that waited for a store that was gone for good" },
  { seed: 791_993_082, seconds: 15, found: "a flush of adopted data that was not tried again" },
  { seed: 50_000_237, seconds: 15, found: "what an older copy of a volume brought back, left there" },
  {
    seed: 64_000_024,
    seconds: 15,
    found: "an operation that waited for a member gone for good that owned nothing",
  },
  {
    seed: 133,
    seconds: 12,
    faults: ["crashStore", "resetConnection", "resetHost", "crashStoreAtEffect"],
    found: "what a store had given away, left on its volume when it was removed",
  },
  { seed: 80_000_121, seconds: 20, found: "a chunk that was taken for one of an earlier attempt's copy" },
  { seed: 80_000_310, seconds: 20, found: "a chunk that waited behind the start of an earlier attempt" },
  { seed: 20_003, seconds: 10, found: "a store that ended when a copy could not be forgotten" },
];

function assertClean({ seed, failure }: SimulationResult, of: number): void {
  if (failure === undefined) return;
  assert.fail(`${failure.message}; again: npm run test:sim -- --seed ${seed} --seconds ${of}`);
}

describe("the simulator", { timeout: 900_000 }, () => {
  it("does the same thing under the same seed, and another under another", async () => {
    const first = await simulate({ seed: 42, seconds: 6, faults: faultNames });
    const second = await simulate({ seed: 42, seconds: 6, faults: faultNames });
    const other = await simulate({ seed: 43, seconds: 6, faults: faultNames });
    assert.ok(first.faults > 0 && first.calls > 0);
    assert.equal(second.traceHash, first.traceHash);
    assert.equal(second.events, first.events);
    assert.notEqual(other.traceHash, first.traceHash);
  });

  for (const seed of [1, 2]) {
    it(`sees no call fail while stores come and go, under seed ${seed}`, async () => {
      const result = await simulate({ seed, seconds, faults: [] });
      assertClean(result, seconds);
      assert.ok(result.handOffs > 0 && result.scans > 0);
    });
  }

  for (const seed of seeds) {
    it(`finds nothing wrong under seed ${seed}`, async () => {
      assertClean(await simulate({ seed, seconds }), seconds);
    });
  }

  for (const { seed, seconds: of, faults, found } of regressions) {
    it(`finds nothing wrong under seed ${seed}, which found ${found}`, async () => {
      assertClean(await simulate({ seed, seconds: of, faults }), of);
    });
  }
});

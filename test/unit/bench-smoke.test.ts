import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { measuredRatios, smokeBars } from "../../bench/benches/smoke/ratios.js";
import { type Measurement, shuffled } from "../../bench/contest.js";
import type { LatencySummary } from "../../bench/load/latency.js";
import { isReached } from "../../bench/report/bar.js";

const latency: LatencySummary = {
  ...{ count: 1, meanUs: 1, p50Us: 1, p90Us: 1, p99Us: 1, p999Us: 1, maxUs: 1 },
  curve: [],
};

/** A measurement whose rounds cost these µs, half of them at the client. */
function measurement(subject: string, ...cpuUs: readonly number[]): Measurement {
  const rounds = cpuUs.map((us) => ({
    ...{ operations: 1, operationsPerSecond: 1, seconds: 1, failures: 0, firstFailure: null },
    ...{ clientCpuUs: us / 2, serverCpuUs: us / 2, all: latency, kinds: {} },
  }));
  return { scenario: "", subject, rounds };
}

describe("the smoke bench", () => {
  it("compares within rounds, so that a busy machine makes no difference", () => {
    const ratios = measuredRatios([
      measurement("elastic-kv", 20, 200, 22),
      measurement("null store", 10, 100, 10),
      measurement("tcp echo", 2, 20, 2),
    ]);
    assert.deepEqual(ratios, { storeOverNull: 2, nullOverEcho: 5 });
  });

  it("fails from a loss of 30 % at the store on, and not before", () => {
    const kept = { storeOverNull: 2, nullOverEcho: 5 };
    const reached = (storeOverNull: number): (boolean | undefined)[] =>
      smokeBars({ ...kept, storeOverNull }, kept).map(isReached);
    assert.deepEqual(reached(2), [true, true]);
    assert.deepEqual(reached(2 / 0.71), [true, true]);
    assert.deepEqual(reached(2 / 0.69), [false, true]);
  });

  it("fails when the SDK costs twice as much", () => {
    const kept = { storeOverNull: 2, nullOverEcho: 5 };
    assert.deepEqual(smokeBars({ ...kept, nullOverEcho: 10.1 }, kept).map(isReached), [true, false]);
  });
});

describe("the order of a round", () => {
  it("holds every subject once, in an order that the seed decides", () => {
    const subjects = Array.from({ length: 20 }, (_, i) => i);
    const order = shuffled(subjects, 3);
    assert.deepEqual(
      [...order].sort((a, b) => a - b),
      subjects,
    );
    assert.deepEqual(shuffled(subjects, 3), order);
    assert.notDeepEqual(shuffled(subjects, 4), order);
  });
});

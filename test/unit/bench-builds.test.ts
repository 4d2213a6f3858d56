import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { buildBars, type BuildFigures, buildTables, ingestUs } from "../../bench/benches/builds/findings.js";
import { coldBars } from "../../bench/benches/cold/bars.js";
import { memoryBars } from "../../bench/benches/memory/findings.js";
import type { Measurement } from "../../bench/contest.js";
import type { EngineCosts } from "../../bench/engines/job.js";
import { isReached } from "../../bench/report/bar.js";

const latency = {
  ...{ count: 1, meanUs: 1, p50Us: 1, p90Us: 1, p99Us: 1, p999Us: 1, maxUs: 1 },
  curve: [],
};

/** A round for each pair of throughput and CPU time. */
function measurement(
  ...rounds: readonly (readonly [operationsPerSecond: number, serverCpuUs: number])[]
): Measurement {
  return {
    ...{ scenario: "", subject: "" },
    rounds: rounds.map(([operationsPerSecond, serverCpuUs]) => ({
      ...{ operations: 1, operationsPerSecond, seconds: 1, failures: 0, firstFailure: null },
      ...{ clientCpuUs: 1, serverCpuUs, all: latency, kinds: {} },
    })),
  };
}

function costs(dropUs: number, commit1Us: number): EngineCosts {
  return {
    ...{ getUs: 1, getAfterWritesUs: 1, commit1Us, commit5Us: 1, commit50Us: 1 },
    ...{ ingestUs: 1, scanUs: 1, dropUs, residentBytesPerKey: 1 },
  };
}

const other: BuildFigures = {
  name: "old",
  reads95: measurement([100, 10], [10, 100], [20, 50]),
  reads50: measurement([100, 10], [10, 100], [20, 50]),
  smallJoins: [{ keys: 100, targetCpuMs: 500 }],
  joins: [{ keys: 1100, targetCpuMs: 510 }],
  engine: [costs(2, 40)],
};

describe("the bench of two builds", () => {
  it("compares within rounds, so that a busy minute makes no difference", () => {
    const ours: BuildFigures = {
      name: "new",
      reads95: measurement([130, 6], [13, 60], [200, 5]),
      reads50: measurement([170, 4], [17, 40], [200, 5]),
      smallJoins: [{ keys: 100, targetCpuMs: 400 }],
      joins: [{ keys: 1100, targetCpuMs: 405 }],
      engine: [costs(0.1, 8)],
    };
    const bars = buildBars(ours, other);
    const rounded = bars.map(({ value = NaN }) => Number(value.toFixed(3)));
    assert.deepEqual(rounded, [0.6, 0.4, 1.3, 1.7, 0.5, 0.05, 0.2]);
    assert.deepEqual(new Set(bars.map(isReached)), new Set([true]));
    assert.deepEqual(new Set(buildBars(other, other).map(isReached)), new Set([false]));
  });

  it("counts what further keys cost a store that joins, and not what it takes to start", () => {
    const joins = [
      { keys: 1100, targetCpuMs: 503 },
      { keys: 2100, targetCpuMs: 510 },
    ];
    const smallJoins = [499, 501, 500].map((targetCpuMs) => ({ keys: 100, targetCpuMs }));
    assert.deepEqual(ingestUs({ smallJoins, joins }), [3, 5]);
  });

  it("tells nothing of moves when fewer keys cost more", () => {
    const bars = buildBars({ ...other, joins: [{ keys: 1100, targetCpuMs: 490 }] }, other);
    assert.equal(bars[4]?.value, undefined);
  });

  it("does not meet a bar of what was not measured", () => {
    const bars = buildBars({ ...other, joins: [], engine: [] }, other);
    assert.deepEqual(bars.slice(4).map(isReached), [undefined, undefined, undefined]);
  });

  it("shows both builds in each table", () => {
    for (const { head, rows } of buildTables([other, { ...other, name: "new" }])) {
      assert.deepEqual(
        rows.map(([name]) => name),
        ["old", "new"],
      );
      for (const row of rows) assert.equal(row.length, head.length);
    }
  });
});

describe("the bench of memory", () => {
  const elastic = { system: "elastic-kv", keys: 100, loadedBytes: 26_000, overwrittenBytes: 60_000 };

  it("compares what a key takes when the data was loaded", () => {
    const valkey = { system: "valkey", keys: 200, loadedBytes: 40_000, overwrittenBytes: 40_000 };
    assert.deepEqual(
      memoryBars([elastic, valkey]).map(({ value, required }) => [value, required]),
      [[1.3, 1.3]],
    );
  });

  it("measures no bar without Valkey", () => {
    assert.deepEqual(memoryBars([elastic]).map(isReached), [undefined]);
  });
});

describe("the bench of stores with little memory", () => {
  it("compares the one with ten times its memory with the one that has room, within rounds", () => {
    const named = (subject: string, found: Measurement): Measurement => ({ ...found, subject });
    const bars = coldBars([
      named("all in memory", measurement([100, 1], [10, 1], [20, 1])),
      named("2 times its memory", measurement([1, 1], [1, 1], [1, 1])),
      named("10 times its memory", measurement([60, 1], [6, 1], [20, 1])),
    ]);
    assert.deepEqual(
      bars.map(({ value, required }) => [value, required]),
      [[0.6, 0.5]],
    );
  });
});

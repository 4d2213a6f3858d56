import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { keyChoice, zipfianRank } from "../../bench/workload/key-choice.js";
import { keyName, keysMax } from "../../bench/workload/key-name.js";
import { OperationStream } from "../../bench/workload/operation-stream.js";
import { randomStream } from "../../bench/workload/random-stream.js";
import { readUpdateMix, type Workload } from "../../bench/workload/workload.js";

const draws = 100_000;

/** How often each number from 0 to count - 1 is drawn. */
function tally(count: number, draw: () => number): number[] {
  const counts = Array.from({ length: count }, () => 0);
  for (let i = 0; i < draws; i += 1) {
    const drawn = draw();
    assert.ok(Number.isInteger(drawn) && drawn >= 0 && drawn < count, `drew ${drawn}`);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  return counts;
}

function operations(workload: Workload, seed: number, count: number): string[] {
  const stream = new OperationStream(workload, seed);
  return Array.from({ length: count }, () => {
    stream.advance();
    return `${stream.kind} ${stream.key} ${stream.value.length} ${stream.scanLength}`;
  });
}

describe("a bench's workload", () => {
  it("is the same for the same seed, and another for another", () => {
    const workload = readUpdateMix(0.5, 1000, 10);
    assert.deepEqual(operations(workload, 7, 1000), operations(workload, 7, 1000));
    assert.notDeepEqual(operations(workload, 7, 1000), operations(workload, 8, 1000));
  });

  it("keeps to the shares of its mix", () => {
    const workload = { ...readUpdateMix(0, 1000, 10), mix: { read: 0.6, scan: 0.3, insert: 0.1 } };
    const kinds = operations(workload, 1, draws).map((text) => text.split(" ")[0]);
    for (const [kind, share] of Object.entries(workload.mix)) {
      const seen = kinds.filter((drawn) => drawn === kind).length / draws;
      assert.ok(Math.abs(seen - share) < 0.01, `${kind}: ${seen}`);
    }
  });

  it("inserts keys that did not exist, one after the other", () => {
    const workload = { ...readUpdateMix(0, 1000, 10), mix: { insert: 1 } };
    assert.deepEqual(operations(workload, 1, 2), [
      `insert ${keyName(1000)} 10 0`,
      `insert ${keyName(1001)} 10 0`,
    ]);
  });

  it("names every key with as many characters", () => {
    assert.equal(keyName(0).length, keyName(keysMax).length);
  });
});

describe("a choice of keys", () => {
  it("takes every key alike when it is uniform", () => {
    const choose = keyChoice("uniform", 100, randomStream(1));
    const counts = tally(100, () => choose(100));
    assert.ok(Math.min(...counts) > 800 && Math.max(...counts) < 1200);
  });

  it("takes rank r about as often as 1 / (r + 1)^0.99 when it is zipfian", () => {
    const counts = tally(1000, zipfianRank(1000, randomStream(1)));
    let zeta = 0;
    for (let i = 1; i <= 1000; i += 1) zeta += i ** -0.99;
    // The generator is exact for the first two ranks, and close for the others.
    for (const [rank, tolerance] of [
      [0, 0.03],
      [1, 0.05],
      [9, 0.25],
      [99, 0.4],
    ] as const) {
      const expected = (draws * (rank + 1) ** -0.99) / zeta;
      const seen = counts[rank] ?? 0;
      assert.ok(Math.abs(seen / expected - 1) < tolerance, `rank ${rank}: ${seen}, not ${expected}`);
    }
  });

  it("spreads the popular keys of a zipfian choice over the whole range", () => {
    const choose = keyChoice("zipfian", 1000, randomStream(1));
    const counts = tally(1000, () => choose(1000));
    const popular = counts
      .map((count, key) => ({ count, key }))
      .sort((a, b) => b.count - a.count)
      .slice(0, 10)
      .map(({ key }) => key);
    assert.ok(Math.max(...popular) > 700 && Math.min(...popular) < 300, popular.join());
  });

  it("takes the newest keys most often when it is latest, also those inserted meanwhile", () => {
    const choose = keyChoice("latest", 1000, randomStream(1));
    const counts = tally(1500, () => choose(1500));
    assert.ok((counts[1499] ?? 0) > 10_000);
    assert.ok((counts[1499] ?? 0) > 1.5 * (counts[1498] ?? 0));
  });
});

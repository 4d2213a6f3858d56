import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addPause, noPauses, type PauseHistogram } from "../../services/core/pause-histogram.js";
import { balanceOf, reportOf, type RunResults } from "../../examples/demo/report.js";
import { formatReport } from "../../examples/demo/report-text.js";

const latency = {
  seconds: 2,
  calls: 100,
  callsPerSecond: 50,
  p50Ms: 1.5,
  p99Ms: 12.25,
  p999Ms: 20,
  maxMs: 31,
  longestGapMs: 8,
  clientBusy: 0.5,
};

const results: RunResults = {
  seed: 42,
  data: { cities: 100, words: 300, keys: 400 },
  clients: 4,
  readFraction: 0.9,
  imported: { seconds: 0.5, keysPerSecond: 800 },
  steps: [
    {
      step: "add",
      storeId: "store-2",
      seconds: 2,
      moves: 512,
      movesMinimum: 512,
      keysMoved: 210,
      keysMinimum: 200,
      bytesMoved: 2048,
      pauses: [3, 4, 90].reduce((all: PauseHistogram, ms) => addPause(all, ms), noPauses),
      balance: balanceOf([
        { storeId: "store-2", keys: 210, partitions: 512 },
        { storeId: "store-1", keys: 190, partitions: 512 },
      ]),
    },
  ],
  latency: { before: latency, during: latency, between: latency, after: latency },
  verification: { keysRead: 400, keysScanned: 399, keysExpected: 399 },
  calls: {
    total: 300,
    byKind: { get: 300 },
    retries: 1,
    redirects: 20,
    failures: 0,
    wrongAnswers: 0,
  },
  failures: [],
  wrongAnswers: [],
  problems: [],
  seconds: 9,
};

describe("the demo's report", () => {
  it("compares what moved with the least that had to", () => {
    const { moved, ok } = reportOf(results);
    assert.equal(ok, true);
    assert.equal(moved.movesOverMinimum, 1);
    assert.equal(moved.keysOverMinimum, 1.05);
    assert.equal(moved.keysPerSecond, 105);
  });

  it("is not ok after one failure, one wrong answer or one problem", () => {
    const { calls } = results;
    assert.equal(reportOf({ ...results, calls: { ...calls, failures: 1 } }).ok, false);
    assert.equal(reportOf({ ...results, calls: { ...calls, wrongAnswers: 1 } }).ok, false);
    assert.equal(reportOf({ ...results, problems: ["add-store failed"] }).ok, false);
  });

  it("gives the balance as the fullest store over the mean, stores in order", () => {
    const balance = balanceOf([
      { storeId: "b", keys: 300, partitions: 10 },
      { storeId: "a", keys: 100, partitions: 10 },
    ]);
    assert.equal(balance.maxOverMean, 1.5);
    assert.equal(balance.partitionsMaxOverMean, 1);
    assert.deepEqual(
      balance.stores.map((store) => store.storeId),
      ["a", "b"],
    );
    assert.equal(balanceOf([{ storeId: "a", keys: 0, partitions: 0 }]).maxOverMean, 1);
  });

  it("stays finite when nothing moved, so that it is JSON", () => {
    const { moved } = reportOf({ ...results, steps: [] });
    assert.deepEqual(Object.values(moved).every(Number.isFinite), true);
  });

  it("reads well as text, and names what went wrong", () => {
    const text = formatReport(reportOf(results), false);
    assert.match(text, /^seed +42$/m);
    assert.match(text, /^failures +0$/m);
    assert.match(text, /^hand-off pause +p50 4\.\d\d, p99 90\.0, max 90\.0 ms, of 3 hand-offs$/m);
    assert.match(
      text,
      /^add store-2 +2\.0 +512 +512 +210 \(2\.0 KiB\) +200 +1\.050 +store-1 190, store-2 210$/m,
    );
    assert.match(text, /^during moves +100 +50 +1\.50 +12\.3 +20\.0 +31\.0 +8\.00 +50\.0%$/m);
    assert.match(text, /^PASSED: 0 failed calls, 0 wrong answers$/m);
    const failed = formatReport(
      reportOf({
        ...results,
        calls: { ...results.calls, wrongAnswers: 1 },
        wrongAnswers: [{ call: "get", key: "word:aa", what: "is absent" }],
        problems: ["not done after 9 s"],
      }),
      false,
    );
    assert.match(failed, /^wrong: get word:aa is absent$/m);
    assert.match(failed, /^problem: not done after 9 s$/m);
    assert.match(failed, /^FAILED: 0 failed calls, 1 wrong answers, 1 problems$/m);
  });
});

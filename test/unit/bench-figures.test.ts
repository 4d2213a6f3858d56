import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LatencyRecorder } from "../../bench/load/latency.js";
import { numberOptions, takeFlag, takeText, UsageError } from "../../bench/options.js";
import { formatFigure } from "../../bench/report/quantities.js";
import { median, spread } from "../../bench/report/median.js";

describe("a bench's figures", () => {
  it("takes medians of odd and even numbers of rounds", () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.equal(median([]), 0);
    assert.deepEqual(spread([5, 9, 7]), { median: 7, least: 5, greatest: 9 });
  });

  it("shows three significant digits", () => {
    assert.deepEqual([0, 0.01234, 1.234, 12.34, 123.4, 12_345].map(formatFigure), [
      "0",
      "0.0123",
      "1.23",
      "12.3",
      "123",
      "12,345",
    ]);
  });

  it("keeps latencies by kind, to three digits, and all of them together", () => {
    const recorder = new LatencyRecorder();
    recorder.record("update", 1000);
    recorder.reset();
    for (let ms = 1; ms <= 1000; ms += 1) recorder.record(ms <= 990 ? "read" : "update", ms);
    const all = recorder.all();
    assert.equal(all.count, 1000);
    assert.ok(Math.abs(all.p50Us / 500_000 - 1) < 0.002, `${all.p50Us}`);
    assert.ok(Math.abs(all.p99Us / 990_000 - 1) < 0.002, `${all.p99Us}`);
    const { read, update, scan } = recorder.kinds();
    assert.deepEqual([read?.count, update?.count, scan], [990, 10, undefined]);
  });

  it("takes a text and a flag out of a command line", () => {
    const args = ["--keys", "7", "--against", "v1", "--bars"];
    assert.deepEqual([takeText(args, "against"), takeFlag(args, "bars")], ["v1", true]);
    assert.deepEqual(args, ["--keys", "7"]);
    assert.deepEqual([takeText(args, "against"), takeFlag(args, "bars")], [undefined, false]);
    assert.throws(() => takeText(["--against"], "against"), UsageError);
  });

  it("takes numbers as options, and refuses others", () => {
    const known = { keys: { default: 5, help: "keys" }, seconds: { default: 2, help: "seconds" } };
    assert.deepEqual(numberOptions(["--keys", "7"], known), { keys: 7, seconds: 2 });
    assert.throws(() => numberOptions(["--keys", "many"], known), UsageError);
    assert.throws(() => numberOptions(["--key", "7"], known), /--keys <number> {2}keys \(5\)/);
  });
});

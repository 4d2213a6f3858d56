import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { peerBars } from "../../bench/benches/peers/bars.js";
import type { PeerScenario } from "../../bench/benches/peers/scenarios.js";
import type { Measurement } from "../../bench/contest.js";
import type { RunResult } from "../../bench/load/job.js";
import { type Bar, barRow, barsVerdict, isReached } from "../../bench/report/bar.js";

function bar(value: number | undefined, direction: Bar["direction"] = "at least"): Bar {
  return { text: "speed", value, required: 2, direction };
}

function round(operationsPerSecond: number, p50Us: number): RunResult {
  return {
    ...{ operations: 1, operationsPerSecond, seconds: 1, failures: 0, firstFailure: null },
    ...{ clientCpuUs: 1, serverCpuUs: 1, kinds: {} },
    all: {
      ...{ count: 1, meanUs: 1, p50Us, p90Us: 1, p99Us: 1, p999Us: 1, maxUs: 1 },
      curve: [],
    },
  };
}

function measurement(subject: string, ...throughputs: readonly number[]): Measurement {
  return {
    scenario: "",
    subject,
    rounds: throughputs.map((operationsPerSecond) =>
      round(operationsPerSecond, 1_000_000 / operationsPerSecond),
    ),
  };
}

describe("a bench's bars", () => {
  it("say what was wanted and measured, and how that ended", () => {
    assert.deepEqual([bar(2), bar(1.9), bar(undefined)].map(barRow), [
      ["speed", "≥ 2", "2", "met"],
      ["speed", "≥ 2", "1.9", "missed"],
      ["speed", "≥ 2", "–", "not measured"],
    ]);
    assert.equal(barRow(bar(2.1, "at most"))[3], "missed");
  });

  it("are not met by what is no figure: the longest of no pauses, a ratio to nothing", () => {
    for (const value of [NaN, Infinity, -Infinity]) assert.equal(isReached(bar(value)), undefined);
  });

  it("fail the bench when one is missed", () => {
    assert.equal(barsVerdict([bar(2), bar(3)], { strict: false }).passed, true);
    assert.deepEqual(barsVerdict([bar(2), bar(1)], { strict: false }), {
      passed: false,
      text: "bars: 1 met, 1 missed, 0 not measured",
    });
  });

  it("fail it for one that was not measured only when that is asked for, or when none was", () => {
    assert.equal(barsVerdict([bar(2), bar(undefined)], { strict: false }).passed, true);
    assert.equal(barsVerdict([bar(2), bar(undefined)], { strict: true }).passed, false);
    assert.equal(barsVerdict([bar(undefined)], { strict: false }).passed, false);
    assert.equal(barsVerdict([], { strict: false }).passed, false);
  });
});

describe("the bars next to Valkey", () => {
  const measured = (...measurements: readonly Measurement[]): Map<PeerScenario["id"], Measurement[]> =>
    new Map([
      ["reads-1", [...measurements]],
      ["reads-100", [...measurements]],
    ]);
  const found = (bars: readonly Bar[], text: string): Bar => {
    const one = bars.find((candidate) => candidate.text === text);
    assert.ok(one, `${text} is not among the bars`);
    return one;
  };

  it("compare medians with the best client, by throughput and by latency", () => {
    const bars = peerBars(
      measured(
        measurement("elastic-kv", 90, 300, 1000),
        measurement("valkey, ioredis", 100, 100, 100),
        measurement("valkey, node-redis", 200, 1, 250),
        measurement("redis, ioredis", 1000),
      ),
      24,
    );
    assert.equal(found(bars, "95 % reads, 100 in flight ÷ best Valkey client").value, 1.5);
    const latency = found(bars, "one call in flight: p50 ÷ best Valkey client").value ?? 0;
    assert.ok(Math.abs(latency - 2 / 3) < 1e-9, `${latency}`);
    assert.equal(found(bars, "50 % reads, 100 in flight ÷ best Valkey client").value, undefined);
  });

  it("are not measured without it", () => {
    const bars = peerBars(measured(measurement("elastic-kv", 90), measurement("redis, ioredis", 90)), 24);
    assert.equal(found(bars, "95 % reads, 100 in flight ÷ best Valkey client").value, undefined);
    assert.equal(found(bars, "one call in flight: p50 ÷ ioredis with Redis").value, 1);
  });

  it("ask for more on Node 20, where its clients do less", () => {
    const required = (nodeMajor: number): number =>
      found(peerBars(new Map(), nodeMajor), "95 % reads, 100 in flight ÷ best Valkey client").required;
    assert.deepEqual([20, 24].map(required), [1.5, 1.25]);
  });
});

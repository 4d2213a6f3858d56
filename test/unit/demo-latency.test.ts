import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LatencyRecorder } from "../../examples/demo/latency.js";

/** A recorder on a clock that the test sets. */
function newRecorder(): { recorder: LatencyRecorder; clock: { nowMs: number } } {
  const clock = { nowMs: 1000 };
  const recorder = new LatencyRecorder({
    now: () => clock.nowMs,
    eventLoopUtilization: () => ({ idle: clock.nowMs / 4, active: (clock.nowMs * 3) / 4 }),
  });
  return { recorder, clock };
}

describe("the demo's latencies", () => {
  it("gives percentiles, rate and share of busy time of a phase", () => {
    const { recorder, clock } = newRecorder();
    recorder.enter("before");
    for (let call = 1; call <= 1000; call += 1) {
      clock.nowMs += 1;
      recorder.record("before", clock.nowMs - (call <= 985 ? 2 : 50));
    }
    recorder.enter(undefined);
    const { before, during } = recorder.summarize();
    assert.equal(before.calls, 1000);
    assert.equal(before.seconds, 1);
    assert.equal(before.callsPerSecond, 1000);
    assert.ok(Math.abs(before.p50Ms - 2) < 0.01);
    assert.ok(Math.abs(before.p99Ms - 50) < 0.1);
    assert.ok(Math.abs(before.maxMs - 50) < 0.1);
    assert.equal(before.clientBusy, 0.75);
    assert.equal(during.calls, 0);
    assert.equal(during.maxMs, 0);
  });

  it("counts a call that began or ended during a change as during", () => {
    const { recorder, clock } = newRecorder();
    recorder.enter("before");
    clock.nowMs += 5;
    recorder.enter("during");
    clock.nowMs += 5;
    recorder.record("before", clock.nowMs - 10);
    recorder.enter("after");
    clock.nowMs += 1;
    recorder.record("during", clock.nowMs - 5);
    recorder.record("after", clock.nowMs - 1);
    recorder.enter(undefined);
    const { before, during, after } = recorder.summarize();
    assert.deepEqual([before.calls, during.calls, after.calls], [0, 2, 1]);
  });

  it("finds the longest time without an answer, to the end of the phase", () => {
    const { recorder, clock } = newRecorder();
    recorder.enter("during");
    for (const gapMs of [3, 20, 4]) {
      clock.nowMs += gapMs;
      recorder.record("during", clock.nowMs - 1);
    }
    recorder.enter("after");
    clock.nowMs += 30;
    recorder.enter(undefined);
    const { during, after } = recorder.summarize();
    assert.equal(during.longestGapMs, 20);
    assert.equal(after.longestGapMs, 30);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { StreamClock } from "../../client/stream-clock.js";
import { limits } from "../../services/core/limits.js";

describe("what a client knows of a store's clock", () => {
  it("is nothing before the store was heard, and after a long silence", () => {
    const clock = new StreamClock();
    assert.equal(clock.at(5), undefined);
    clock.heard(100, 5);
    assert.equal(clock.at(6), 101);
    assert.equal(clock.at(6 + 2 * limits.streamClockWindowMs), undefined);
  });

  it("is the most that any answer showed: a slow one teaches nothing", () => {
    const clock = new StreamClock();
    clock.heard(100, 5);
    clock.heard(110, 95);
    assert.equal(clock.at(95), 190);
    clock.heard(210, 100);
    assert.equal(clock.at(100), 210);
  });

  it("forgets what was shown two windows ago", () => {
    const clock = new StreamClock();
    clock.heard(100, 0);
    const laterMs = limits.streamClockWindowMs;
    clock.heard(laterMs, laterMs);
    assert.equal(clock.at(laterMs), laterMs + 100);
    clock.heard(2 * laterMs, 2 * laterMs);
    assert.equal(clock.at(2 * laterMs), 2 * laterMs);
  });

  it("is never ahead of the store's clock, and behind by the shortest delay at most", () => {
    const answers = fc.array(fc.record({ afterMs: fc.nat(1000), delayMs: fc.nat(5000) }), { minLength: 1 });
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 1e6 }), answers, (offsetMs, list) => {
        const clock = new StreamClock();
        let nowMs = 0;
        for (const { afterMs, delayMs } of list) {
          nowMs += afterMs;
          clock.heard(nowMs - delayMs + offsetMs, nowMs);
        }
        const behindMs = nowMs + offsetMs - (clock.at(nowMs) as number);
        assert.ok(behindMs >= 0);
        assert.ok(behindMs <= (list.at(-1)?.delayMs as number));
      }),
    );
  });
});

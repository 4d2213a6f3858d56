import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { backoffs, limits } from "../../services/core/limits.js";
import { Backoff, decideBackoffMs } from "../../services/core/retry/backoff.js";

const bounds = { firstMs: 100, maxMs: 1500 };
const almostOne = 1 - Number.EPSILON;

/** Draws these fractions in turn, over and over. */
function drawing(...fractions: readonly number[]): { fraction: () => number } {
  let next = 0;
  return { fraction: () => fractions[next++ % fractions.length] ?? 0 };
}

describe("a back-off", () => {
  it("doubles its longest wait at each failure, up to the limit", () => {
    const backoff = new Backoff(bounds, drawing(almostOne));
    const waits = Array.from({ length: 7 }, () => Math.round(backoff.failed()));
    assert.deepEqual(waits, [100, 200, 400, 800, 1500, 1500, 1500]);
  });

  it("waits at least half of that", () => {
    const backoff = new Backoff(bounds, drawing(0));
    const waits = Array.from({ length: 6 }, () => backoff.failed());
    assert.deepEqual(waits, [50, 100, 200, 400, 750, 750]);
  });

  it("spreads those who failed together over the other half", () => {
    const waits = [0, 0.25, 0.5, 0.75].map((fraction) => decideBackoffMs(bounds, 2, fraction));
    assert.deepEqual(waits, [100, 125, 150, 175]);
  });

  it("is short again after a success", () => {
    const backoff = new Backoff(bounds, drawing(0));
    backoff.failed();
    backoff.failed();
    assert.equal(backoff.failures, 2);
    backoff.succeeded();
    assert.equal(backoff.failures, 0);
    assert.equal(backoff.failed(), 50);
  });

  it("waits no less than the other side asks for, and not with everybody else who was asked", () => {
    const backoff = new Backoff(bounds, drawing(0, 0.5));
    assert.deepEqual([backoff.failed(2000), backoff.failed(2000), backoff.failed(20)], [2000, 2500, 200]);
  });

  it("does not let the other side ask for any wait", () => {
    assert.equal(new Backoff(bounds, drawing(0)).failed(1e9), limits.retryAfterMsMax);
  });

  it("never overflows, however many attempts failed", () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: almostOne, noNaN: true }), (failures, fraction) => {
        const waitMs = decideBackoffMs(bounds, failures, fraction);
        return waitMs >= bounds.firstMs / 2 && waitMs <= bounds.maxMs;
      }),
    );
  });

  it("begins short and ends long, everywhere", () => {
    for (const [name, { firstMs, maxMs }] of Object.entries(backoffs)) {
      assert.ok(firstMs > 0 && firstMs < maxMs, name);
    }
  });
});

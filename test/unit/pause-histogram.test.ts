import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  addPause,
  mergePauses,
  noPauses,
  type PauseHistogram,
  summarizePauses,
} from "../../services/core/pause-histogram.js";

const pauses = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 300 });

function histogramOf(values: readonly number[]): PauseHistogram {
  return values.reduce((all: PauseHistogram, ms) => addPause(all, ms), noPauses);
}

describe("a histogram of pauses", () => {
  it("is all zero without a pause", () => {
    assert.deepEqual(summarizePauses(noPauses), { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 });
  });

  it("knows the longest exactly, and percentiles to 10 %", () => {
    const summary = summarizePauses(
      histogramOf(Array.from({ length: 1000 }, (_, index) => (index + 1) / 10)),
    );
    assert.equal(summary.count, 1000);
    assert.equal(summary.maxMs, 100);
    assert.ok(summary.p50Ms >= 50 && summary.p50Ms < 55, `p50 ${summary.p50Ms}`);
    assert.ok(summary.p99Ms >= 99 && summary.p99Ms <= 100, `p99 ${summary.p99Ms}`);
  });

  it("counts every pause, in few buckets, whatever order they come or are merged in", () => {
    fc.assert(
      fc.property(pauses, fc.nat(300), (values, cut) => {
        const whole = histogramOf(values);
        assert.equal(summarizePauses(whole).count, values.length);
        assert.ok(whole.buckets.length < 170);
        const merged = mergePauses(histogramOf(values.slice(cut)), histogramOf(values.slice(0, cut)));
        assert.deepEqual(merged, whole);
      }),
    );
  });
});

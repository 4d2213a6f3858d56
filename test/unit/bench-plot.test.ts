import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { barChart } from "../../bench/plot/bar-chart.js";
import { lineChart } from "../../bench/plot/line-chart.js";

function attribute(markup: string, name: string): number[] {
  return [...markup.matchAll(new RegExp(` ${name}="([\\d.]+)"`, "g"))].map(([, text]) => Number(text));
}

describe("a bar chart", () => {
  const chart = barChart("speeds", "ops/s", [
    { name: "slow & steady", value: { median: 50, least: 40, greatest: 60 }, colour: 0 },
    { name: "fast", value: { median: 100, least: 90, greatest: 110 }, colour: 1 },
  ]);

  it("draws lengths in proportion, the longest first", () => {
    const [, fast, slow] = [...chart.matchAll(/<rect[^>]*>/g)].map(([rect]) => attribute(rect, "width")[0]);
    assert.ok(Math.abs((fast ?? 0) / (slow ?? 1) - 2) < 0.01);
    assert.ok(chart.indexOf(">fast<") < chart.indexOf(">slow"));
  });

  it("escapes names", () => {
    assert.match(chart, />slow &amp; steady</);
  });
});

describe("a line chart", () => {
  const points = [
    [1, 10],
    [10, 100],
    [100, 1000],
  ] as const;
  const log = { title: "x", logarithmic: true };

  it("puts a power law on a straight line when both axes are logarithmic", () => {
    const chart = lineChart("", { x: log, y: { ...log, title: "y" } }, [{ name: "a", points }]);
    const [xs, ys] = [attribute(chart, "cx"), attribute(chart, "cy")];
    assert.equal(xs.length, 3);
    assert.ok(Math.abs((xs[1] ?? 0) - ((xs[0] ?? 0) + (xs[2] ?? 0)) / 2) < 0.1);
    assert.ok(Math.abs((ys[1] ?? 0) - ((ys[0] ?? 0) + (ys[2] ?? 0)) / 2) < 0.1);
    assert.ok((ys[0] ?? 0) > (ys[2] ?? 0), "more is higher");
  });

  it("names round numbers on a linear axis, from zero", () => {
    const chart = lineChart("", { x: { title: "x" }, y: { title: "y" } }, [{ name: "a", points }]);
    for (const tick of ["0", "200", "1,000"]) assert.ok(chart.includes(`>${tick}<`), tick);
  });

  it("draws one point, and none, without a fault", () => {
    const axes = { x: { title: "x" }, y: { title: "y" } };
    assert.doesNotMatch(lineChart("", axes, [{ name: "a", points: [[5, 5]] }]), /NaN|Infinity/);
    assert.doesNotMatch(lineChart("", axes, []), /NaN|Infinity/);
  });
});

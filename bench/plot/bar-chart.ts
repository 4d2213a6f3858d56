import { formatFigure } from "../report/quantities.js";
import type { Spread } from "../report/median.js";
import { colours, element, ink, label, picture } from "./svg.js";

/** One bar: its length is the median, the line over it goes from the least to the greatest. */
export interface ChartBar {
  readonly name: string;
  readonly value: Spread;
  /** Index of its colour. */
  readonly colour: number;
}

const width = 760;
const barHeight = 18;
const rowHeight = 28;
const left = 240;
const right = 110;
const top = 48;

/** Bars side by side, longest first; `unit` is said behind each figure. */
export function barChart(title: string, unit: string, bars: readonly ChartBar[]): string {
  const sorted = [...bars].sort((a, b) => b.value.median - a.value.median);
  const greatest = Math.max(1e-9, ...sorted.map(({ value }) => value.greatest));
  const x = (value: number): number => left + ((width - left - right) * value) / greatest;
  const parts = sorted.flatMap(({ name, value, colour }, row) => {
    const y = top + row * rowHeight;
    const middle = y + barHeight / 2;
    const fill = colours[colour % colours.length] ?? ink;
    return [
      label(left - 10, middle + 4, name, "end"),
      element("rect", { x: left, y, width: x(value.median) - left, height: barHeight, fill }),
      element("line", { x1: x(value.least), x2: x(value.greatest), y1: middle, y2: middle, stroke: ink }),
      label(x(value.greatest) + 8, middle + 4, `${formatFigure(value.median)} ${unit}`),
    ];
  });
  return picture(width, top + sorted.length * rowHeight + 12, title, parts);
}

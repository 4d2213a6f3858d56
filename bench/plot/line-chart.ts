import { formatFigure } from "../report/quantities.js";
import { colours, element, faint, ink, label, picture } from "./svg.js";

/** A line through points. */
export interface ChartLine {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** How an axis is drawn. */
export interface ChartAxis {
  readonly title: string;
  readonly logarithmic?: boolean;
  /** Shown instead of the number. */
  readonly tick?: (value: number) => string;
  /** Where to put ticks, instead of at round numbers. */
  readonly ticks?: readonly number[];
}

/** A span along the x axis that is shaded and named. */
export interface ChartSpan {
  readonly from: number;
  readonly to: number;
  readonly name: string;
}

const width = 760;
const height = 400;
const frame = { left: 76, right: 724, top: 48, bottom: 316 };
const legendTop = 366;
const legendColumn = 230;
const ticksWanted = 6;

interface Scale {
  at(value: number): number;
  readonly ticks: readonly number[];
}

/** Lines over a common x axis, with a legend below. */
export function lineChart(
  title: string,
  axes: { readonly x: ChartAxis; readonly y: ChartAxis },
  lines: readonly ChartLine[],
  spans: readonly ChartSpan[] = [],
): string {
  const points = lines.flatMap((line) => line.points);
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const x = scale(axes.x, xs, frame.left, frame.right, false);
  const y = scale(axes.y, ys, frame.bottom, frame.top, true);
  const legendRows = Math.ceil(lines.length / 3);
  return picture(width, height + (legendRows - 1) * 18, title, [
    ...spans.map(({ from, to, name }) => span(x.at(from), x.at(to), name)),
    ...x.ticks.map((value) => vertical(x.at(value), tickText(axes.x, value))),
    ...y.ticks.map((value) => horizontal(y.at(value), tickText(axes.y, value))),
    label((frame.left + frame.right) / 2, frame.bottom + 36, axes.x.title, "middle"),
    label(frame.left, frame.top - 8, axes.y.title),
    ...lines.flatMap((line, index) => drawn(line, index, x, y)),
  ]);
}

function drawn({ name, points }: ChartLine, index: number, x: Scale, y: Scale): string[] {
  const stroke = colours[index % colours.length] ?? ink;
  const path = points.map(([px, py]) => `${x.at(px).toFixed(1)},${y.at(py).toFixed(1)}`).join(" ");
  const legendX = frame.left + (index % 3) * legendColumn;
  const legendY = legendTop + Math.floor(index / 3) * 18;
  return [
    element("polyline", { points: path, fill: "none", stroke, "stroke-width": 2 }),
    ...(points.length > 40
      ? []
      : points.map(([px, py]) => element("circle", { cx: x.at(px), cy: y.at(py), r: 3, fill: stroke }))),
    element("line", { x1: legendX, x2: legendX + 18, y1: legendY, y2: legendY, stroke, "stroke-width": 3 }),
    label(legendX + 24, legendY + 4, name),
  ];
}

function scale(
  axis: ChartAxis,
  values: readonly number[],
  from: number,
  to: number,
  fromZero: boolean,
): Scale {
  const least = Math.min(...values);
  const greatest = Math.max(...values);
  if (axis.logarithmic === true) {
    const low = Math.floor(Math.log10(Math.max(least, 1e-9)));
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(greatest, 1e-9))));
    const at = (value: number): number =>
      from + ((to - from) * (Math.log10(Math.max(value, 10 ** low)) - low)) / (high - low);
    return { at, ticks: axis.ticks ?? Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)) };
  }
  const low = fromZero ? Math.min(0, least) : least;
  const step = niceStep((greatest - low) / ticksWanted);
  const high = fromZero ? Math.max(step, Math.ceil(greatest / step) * step) : Math.max(greatest, low + 1e-9);
  const at = (value: number): number => from + ((to - from) * (value - low)) / (high - low);
  const first = Math.ceil(low / step);
  const ticks = Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
  return { at, ticks: axis.ticks ?? ticks };
}

/** 1, 2 or 5 times a power of ten, not below `step`. */
function niceStep(step: number): number {
  if (!(step > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(step));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= step) ?? 10);
}

function tickText(axis: ChartAxis, value: number): string {
  return axis.tick ? axis.tick(value) : formatFigure(value);
}

function vertical(x: number, text: string): string {
  return (
    element("line", { x1: x, x2: x, y1: frame.top, y2: frame.bottom, stroke: faint }) +
    label(x, frame.bottom + 18, text, "middle")
  );
}

function horizontal(y: number, text: string): string {
  return (
    element("line", { x1: frame.left, x2: frame.right, y1: y, y2: y, stroke: faint }) +
    label(frame.left - 8, y + 4, text, "end")
  );
}

function span(from: number, to: number, name: string): string {
  const size = { x: from, y: frame.top, width: Math.max(1, to - from), height: frame.bottom - frame.top };
  return (
    element("rect", { ...size, fill: "#f3e9d2" }) +
    label(from + 4, frame.top + 14, name, "start", { fill: "#7a5c00" })
  );
}

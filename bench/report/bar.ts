import { formatFigure } from "./quantities.js";

/** A figure that is to be reached, and what was measured. */
export interface Bar {
  readonly text: string;
  /** Undefined when something that it needs was left out. */
  readonly value: number | undefined;
  readonly required: number;
  readonly direction: "at least" | "at most";
}

/** Whether it is; undefined when it was not measured. */
export function isReached({ value, required, direction }: Bar): boolean | undefined {
  if (value === undefined) return undefined;
  return direction === "at least" ? value >= required : value <= required;
}

/** Columns of {@link barRow}. */
export const barHead: readonly string[] = ["bar", "required", "measured", "reached"];

/** A bar, as texts. */
export function barRow(bar: Bar): string[] {
  const reached = isReached(bar);
  return [
    bar.text,
    `${bar.direction === "at least" ? "≥" : "≤"} ${formatFigure(bar.required)}`,
    bar.value === undefined ? "not measured" : formatFigure(bar.value),
    reached === undefined ? "–" : reached ? "yes" : "no",
  ];
}

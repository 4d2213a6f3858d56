import { formatFigure } from "./quantities.js";

/** A figure that is to be reached, and what was measured. */
export interface Bar {
  readonly text: string;
  /** Undefined, or not a number, when something that it needs was left out. */
  readonly value: number | undefined;
  readonly required: number;
  readonly direction: "at least" | "at most";
}

/** A bar that a figure reaches from below. */
export function atLeast(text: string, value: number | undefined, required: number): Bar {
  return { text, value, required, direction: "at least" };
}

/** A bar that a figure is to stay under. */
export function atMost(text: string, value: number | undefined, required: number): Bar {
  return { text, value, required, direction: "at most" };
}

/** Whether it is; undefined when it was not measured. */
export function isReached({ value, required, direction }: Bar): boolean | undefined {
  if (value === undefined || !Number.isFinite(value)) return undefined;
  return direction === "at least" ? value >= required : value <= required;
}

/** Columns of {@link barRow}. */
export const barHead: readonly string[] = ["bar", "wanted", "measured", "verdict"];

/** A bar, as texts. */
export function barRow(bar: Bar): string[] {
  const reached = isReached(bar);
  return [
    bar.text,
    `${bar.direction === "at least" ? "≥" : "≤"} ${formatFigure(bar.required)}`,
    reached === undefined ? "–" : formatFigure(bar.value ?? 0),
    reached === undefined ? "not measured" : reached ? "met" : "missed",
  ];
}

/** What all bars of a bench come to. */
export interface BarsVerdict {
  readonly passed: boolean;
  /** One line: how many were met, missed and not measured. */
  readonly text: string;
}

/**
 * A bench passes when it missed no bar. One that was not measured, for a program that is not installed or a data set that is too
 * small, is not missed unless `strict`. A bench that measured none never passes.
 */
export function barsVerdict(bars: readonly Bar[], { strict }: { readonly strict: boolean }): BarsVerdict {
  const reached = bars.map(isReached);
  const count = (verdict: boolean | undefined): number => reached.filter((one) => one === verdict).length;
  const [met, missed, unmeasured] = [count(true), count(false), count(undefined)];
  return {
    passed: missed === 0 && met > 0 && !(strict && unmeasured > 0),
    text: `bars: ${met} met, ${missed} missed, ${unmeasured} not measured`,
  };
}

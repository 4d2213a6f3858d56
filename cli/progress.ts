import { formatCount, formatDuration, formatShort } from "./quantities.js";

/** How fast a count grows, over the last seconds. */
export class RateMeter {
  readonly #spanMs: number;
  readonly #samples: { readonly atMs: number; readonly count: number }[] = [];

  /** `spanMs`: how far back the rate looks, default 10 s. */
  constructor(spanMs = 10_000) {
    this.#spanMs = spanMs;
  }

  /** Notes the count at a time. A count below the last one starts afresh. */
  add(count: number, atMs: number): void {
    const last = this.#samples.at(-1);
    if (last && count < last.count) this.#samples.length = 0;
    this.#samples.push({ atMs, count });
    // The newest sample at or before the span's beginning stays: the rate is over the whole span.
    while (this.#samples.length > 2 && (this.#samples[1]?.atMs ?? atMs) <= atMs - this.#spanMs) {
      this.#samples.shift();
    }
  }

  /** Per second; 0 until there are two samples apart in time. */
  perSecond(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.atMs <= first.atMs) return 0;
    return ((last.count - first.count) * 1000) / (last.atMs - first.atMs);
  }
}

/** Milliseconds until `total` at a rate a second; undefined while it cannot be told. */
export function etaMsOf(done: number, total: number, perSecond: number): number | undefined {
  if (total <= done) return 0;
  return perSecond > 0 ? ((total - done) * 1000) / perSecond : undefined;
}

/** A bar of `width` characters, `fraction` of it full. */
export function drawBar(fraction: number, width: number, unicode: boolean): string {
  const filled = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return unicode
    ? "█".repeat(filled) + "░".repeat(width - filled)
    : "#".repeat(filled) + "-".repeat(width - filled);
}

/** What a progress line tells. */
export interface ProgressView {
  readonly title: string;
  /** In [0, 1]; undefined when the end is unknown: then there is no bar. */
  readonly fraction: number | undefined;
  /** The most telling first: when the terminal is narrow the last are left out. */
  readonly parts: readonly string[];
}

/** One line that fits `columns`: title, bar, parts; the bar gives way first, then parts from the end. */
export function formatProgress(view: ProgressView, columns: number, unicode: boolean): string {
  const separator = unicode ? " · " : ", ";
  const barMax = 30;
  for (let kept = view.parts.length; kept > 0; kept -= 1) {
    const rest = view.parts.slice(0, kept).join(separator);
    const without = `${view.title} ${rest}`;
    if (without.length >= columns) continue;
    const room = columns - 1 - without.length - 3;
    if (view.fraction === undefined || room < 8) return without;
    return `${view.title} [${drawBar(view.fraction, Math.min(barMax, room), unicode)}] ${rest}`;
  }
  return view.title.slice(0, Math.max(1, columns - 1));
}

/** `ETA 6 s`, in whole seconds, or `ETA ?` while it cannot be told. */
export function formatEta(etaMs: number | undefined): string {
  return etaMs === undefined
    ? "ETA ?"
    : `ETA ${formatDuration(Math.max(1000, Math.ceil(etaMs / 1000) * 1000))}`;
}

/** `12/340 moves`, `120,000/340,000 keys`. */
export function formatOf(done: number, total: number, noun: string): string {
  return `${formatCount(done)}/${formatCount(total)} ${noun}`;
}

/** `12.3k keys/s`. */
export function formatRate(perSecond: number, noun: string): string {
  return `${formatShort(perSecond)} ${noun}/s`;
}

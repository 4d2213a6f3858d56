/** Numbers as people read them. */
export { formatNoun } from "../services/core/noun-count.js";

/** `1,234,567`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** `512 B`, `1.2 MiB`: binary units, three digits or fewer before the unit. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit] ?? "B"}`;
}

/** `950`, `12.3k`, `4.5M`: at most three digits and a letter. */
export function formatShort(count: number): string {
  const units = ["", "k", "M", "G", "T"] as const;
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)}${units[unit] ?? ""}`;
}

/** `850 ms`, `6 s`, `2 min 5 s`, `1 h 3 min`, `2 d 4 h`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 60) return `${seconds} s`;
  const steps = [
    [60, "min", 1, "s"],
    [3600, "h", 60, "min"],
    [86_400, "d", 3600, "h"],
  ] as const;
  const step = seconds < 3600 ? steps[0] : seconds < 86_400 ? steps[1] : steps[2];
  const [large, largeName, small, smallName] = step;
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)} ${largeName}${rest === 0 ? "" : ` ${rest} ${smallName}`}`;
}

/** `12.3%`. */
export function formatShare(fraction: number): string {
  return `${(fraction * 100).toFixed(1)}%`;
}

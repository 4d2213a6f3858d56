const count = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** 12,345 */
export function formatCount(value: number): string {
  return count.format(value);
}

/** Three significant digits: 1.23, 12.3, 123, 1,230. */
export function formatFigure(value: number): string {
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

/** Median of numbers; 0 of none. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] ?? 0;
  return ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Median with the least and the greatest. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly greatest: number;
}

/** Median, least and greatest of numbers. */
export function spread(numbers: readonly number[]): Spread {
  return { median: median(numbers), least: Math.min(...numbers), greatest: Math.max(...numbers) };
}

/** Median of the ratios within each round: a noisy neighbour slows both sides of one. NaN of none. */
export function medianRatio(above: readonly number[], below: readonly number[]): number {
  if (above.length === 0) return NaN;
  return median(above.map((figure, round) => figure / (below[round] ?? NaN)));
}

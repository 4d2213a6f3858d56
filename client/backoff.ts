/** How pauses between attempts grow: they double from `firstMs` to `lastMs`. */
export interface BackoffRange {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Pauses of a call that is repeated. */
export const callBackoff: BackoffRange = { firstMs: 1, lastMs: 50 };

/** Pauses between attempts to open a stream to one server. */
export const streamBackoff: BackoffRange = { firstMs: 20, lastMs: 1000 };

/**
 * Milliseconds to pause before attempt number `attempt` (1 is the first repetition): exponential, between half and all
 * of the full pause, so that many callers do not come back at once.
 *
 * @param fraction a random number in [0, 1)
 */
export function backoffMs({ firstMs, lastMs }: BackoffRange, attempt: number, fraction: number): number {
  const fullMs = Math.min(lastMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return fullMs * (0.5 + fraction / 2);
}

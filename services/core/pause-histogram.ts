/** How many pauses of a hand-off were so long, and not longer than the bucket before. */
export interface PauseBucket {
  readonly upToMs: number;
  readonly count: number;
}

/** Pauses of hand-offs: buckets ascend and have a count; each ends 9 % above the last. */
export interface PauseHistogram {
  readonly buckets: readonly PauseBucket[];
  /** Of all pauses, exactly; in milliseconds. */
  readonly maxMs: number;
}

/** Percentiles in milliseconds, each at most 9 % too high; all 0 without a pause. */
export interface PauseSummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** No pause yet. */
export const noPauses: PauseHistogram = { buckets: [], maxMs: 0 };

const bucketMsMin = 0.125;
/** Buckets for each doubling. With the longest pause there are less than 170 of them. */
const bucketsPerOctave = 8;
const pauseMsMax = 240_000;

/** The histogram with one more pause of `ms` milliseconds. */
export function addPause(histogram: PauseHistogram, ms: number): PauseHistogram {
  return mergePauses(histogram, { buckets: [{ upToMs: bucketEnd(ms), count: 1 }], maxMs: ms });
}

/** Both histograms' pauses in one. */
export function mergePauses(a: PauseHistogram, b: PauseHistogram): PauseHistogram {
  const counts = new Map<number, number>();
  for (const { upToMs, count } of [...a.buckets, ...b.buckets]) {
    counts.set(upToMs, (counts.get(upToMs) ?? 0) + count);
  }
  const buckets = [...counts].map(([upToMs, count]) => ({ upToMs, count }));
  return { buckets: buckets.sort((x, y) => x.upToMs - y.upToMs), maxMs: Math.max(a.maxMs, b.maxMs) };
}

/** What people are shown of a histogram. */
export function summarizePauses({ buckets, maxMs }: PauseHistogram): PauseSummary {
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  const percentileMs = (share: number): number => {
    let seen = 0;
    const found = buckets.find(({ count }) => (seen += count) >= total * share);
    return Math.min(found?.upToMs ?? 0, maxMs);
  };
  return { count: total, p50Ms: percentileMs(0.5), p99Ms: percentileMs(0.99), maxMs };
}

function bucketEnd(ms: number): number {
  const bounded = Math.min(Math.max(ms, bucketMsMin), pauseMsMax);
  const index = Math.ceil(Math.log2(bounded / bucketMsMin) * bucketsPerOctave);
  return bucketMsMin * 2 ** (index / bucketsPerOctave);
}

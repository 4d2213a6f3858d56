import type { RandomStream } from "./random-stream.js";

/** Which keys are asked for: all alike, a few of them much more often (scattered over the ring), or the newest. */
export type Distribution = "uniform" | "zipfian" | "latest";

/** Draws the number of a key out of the `count` that exist at the moment. */
export type KeyChoice = (count: number) => number;

/** YCSB's skew. */
const theta = 0.99;

/** A choice by `distribution`, for a data set that begins with `initialCount` keys. */
export function keyChoice(distribution: Distribution, initialCount: number, random: RandomStream): KeyChoice {
  if (distribution === "uniform") return (count) => Math.floor(random() * count);
  const rank = zipfianRank(initialCount, random);
  if (distribution === "latest") return (count) => count - 1 - rank();
  return () => scatter(rank()) % initialCount;
}

/**
 * Ranks 0 to count - 1, rank r about as often as 1 / (r + 1)^0.99: the generator of Gray et al., "Quickly Generating
 * Billion-Record Synthetic Databases" (SIGMOD 1994), which YCSB uses.
 */
export function zipfianRank(count: number, random: RandomStream): () => number {
  let zetaN = 0;
  for (let i = 1; i <= count; i += 1) zetaN += 1 / i ** theta;
  const zeta2 = 1 + 0.5 ** theta;
  const alpha = 1 / (1 - theta);
  const eta = (1 - (2 / count) ** (1 - theta)) / (1 - zeta2 / zetaN);
  return () => {
    const u = random();
    const uz = u * zetaN;
    if (uz < 1) return 0;
    if (uz < zeta2) return Math.min(1, count - 1);
    return Math.min(count - 1, Math.floor(count * (eta * u - eta + 1) ** alpha));
  };
}

/** MurmurHash3's finaliser: neighbouring ranks land far apart. */
function scatter(rank: number): number {
  let hash = rank ^ (rank >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

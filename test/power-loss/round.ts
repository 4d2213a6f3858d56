import { SeededRandom } from "../simulation/world/random.js";
import type { RunOptions } from "./run.js";

/** One seed of so many has a disk that refuses some calls. */
const faultySeeds = 3;

/** The run of a seed: how the engine is opened and used is drawn. `isDiskFaulty`: whatever the seed is. */
export function runOf(seed: number, isDiskFaulty: boolean = seed % faultySeeds === 0): RunOptions {
  const random = new SeededRandom(seed).fork("power loss");
  const segmentBytes = random.pick([4096, 8192, 16_384]);
  return {
    random,
    engine: {
      durability: random.chance(0.6) ? "fsync" : "commit",
      segmentBytes,
      memoryBytesMax: random.chance(0.4) ? segmentBytes * (2 + random.below(4)) : undefined,
    },
    style: { seed, keys: random.pick([8, 24, 60]), jumboBytes: segmentBytes, wallMs: 1_000_000 },
    isDiskFaulty,
    inFlightMax: 1 + random.below(8),
    steps: 100 + random.below(500),
  };
}

import type { Bench } from "../bench.js";
import { buildsBench } from "./builds/builds.js";
import { coldBench } from "./cold/cold.js";
import { engineBench } from "./engine/engine.js";
import { growthBench } from "./growth/growth.js";
import { memoryBench } from "./memory/memory.js";
import { movesBench } from "./moves/moves.js";
import { opsBench } from "./ops.js";
import { paperBench } from "./paper/paper.js";
import { peersBench } from "./peers/peers.js";
import { smokeBench } from "./smoke/smoke.js";
import { ycsbBench } from "./ycsb/ycsb.js";

/** Every bench, in the order in which they are listed. */
export const benches: readonly Bench[] = [
  ...[paperBench, ycsbBench, peersBench, movesBench, growthBench],
  ...[buildsBench, engineBench, coldBench, memoryBench, opsBench, smokeBench],
];

import type { Bench } from "../bench.js";
import { opsBench } from "./ops.js";
import { smokeBench } from "./smoke/smoke.js";
import { peersBench } from "./peers/peers.js";

/** Every bench, in the order in which they are listed. */
export const benches: readonly Bench[] = [peersBench, opsBench, smokeBench];

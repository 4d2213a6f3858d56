import type { Bench } from "../bench.js";
import { opsBench } from "./ops.js";

/** Every bench, in the order in which they are listed. */
export const benches: readonly Bench[] = [opsBench];

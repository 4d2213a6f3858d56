import type { SmokeRatios } from "./ratios.js";

/**
 * What `npm run bench -- smoke` measured last time that somebody looked, on an idle machine of two cores. Lower them
 * when something became cheaper; raise them only knowing why.
 */
export const keptRatios: SmokeRatios = { storeOverNull: 2.5, nullOverEcho: 5 };

import type { SmokeRatios } from "./ratios.js";

/**
 * What `npm run bench -- smoke` is compared with: a little above what it measured on a busy machine of two cores, 1.8 to
 * 2.2 and about 3.5. Lower them when something became cheaper; raise them only knowing why.
 */
export const keptRatios: SmokeRatios = { storeOverNull: 2.5, nullOverEcho: 4 };

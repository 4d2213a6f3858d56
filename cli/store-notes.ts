/** What operators are told of single stores: what is wrong with them, and what they lost. */
import type { DataLoss, StoreProblem } from "../services/gen/elastickv/v1/master.js";
import { formatDuration, formatNoun } from "./quantities.js";

/** `store-1: refused: …`, a line each. */
export function problemLines(problems: readonly StoreProblem[]): string[] {
  return problems.map(({ storeId, problem }) => `${storeId}: ${problem}`);
}

/** `store-1 came back 5 s ago without the 12 keys it held`, a line each; `wallMs` is now. */
export function lossLines(losses: readonly DataLoss[], wallMs: number): string[] {
  return losses.map(({ storeId, atMs, keys }) => {
    const age = formatDuration(Math.max(0, wallMs - atMs));
    const lost = keys === 0 ? "the keys it held" : `the ${formatNoun(keys, "key")} it held`;
    return `${storeId} came back ${age} ago without ${lost}`;
  });
}

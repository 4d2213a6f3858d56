import type { BatchStyle } from "../batches.js";

/** A folder on which processes are killed, one after the other. */
export interface KillRound {
  readonly path: string;
  readonly seed: number;
  readonly durability: "commit" | "fsync";
  readonly segmentBytes: number;
  readonly memoryBytesMax: number | undefined;
}

/** Batches that a process hands to the engine beyond those acknowledged, at most. */
export const inFlightMax = 8;

/** The batches of a round; the process and its checker make the same. */
export function styleOf({ seed, segmentBytes }: KillRound): BatchStyle {
  return { seed, keys: 200, jumboBytes: segmentBytes, wallMs: 1_000_000 };
}

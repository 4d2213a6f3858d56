import type { BenchContext } from "../../bench.js";
import type { Bar } from "../../report/bar.js";
import type { FindingsTable, Plot } from "../../report/findings.js";

/** How far the growth bench goes. */
export interface GrowthOptions {
  readonly keysMax: number;
  readonly storesMax: number;
  readonly clientsMax: number;
  readonly measureMs: number;
  readonly seed: number;
}

/** What one dimension of growth costs. */
export interface GrowthFindings {
  readonly table: FindingsTable;
  readonly plots: readonly Plot[];
  readonly bars?: readonly Bar[];
}

/** One dimension of growth. */
export interface GrowthPart {
  readonly name: string;
  run(context: BenchContext, options: GrowthOptions): Promise<GrowthFindings>;
}

/** 10 000, 100 000 and so on, up to `most`. */
export function powersOfTen(least: number, most: number): number[] {
  const powers: number[] = [];
  for (let power = least; power <= most; power *= 10) powers.push(power);
  return powers;
}

import type { Bar } from "./bar.js";

/** A table: a title, and texts in columns, the first of which names the row. */
export interface FindingsTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A picture. */
export interface Plot {
  /** Part of its file's name. */
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

/** What a bench has found, for people and for programs. */
export interface Findings {
  /** Its settings, defaults included. */
  readonly options: Readonly<Record<string, number | string>>;
  readonly tables: readonly FindingsTable[];
  readonly bars: readonly Bar[];
  readonly plots: readonly Plot[];
  /** Everything measured, as JSON has it. */
  readonly data: unknown;
  /** What a reader should know: what was left out, and why. */
  readonly remarks: readonly string[];
  /** False when a bar that the bench holds was missed. */
  readonly passed: boolean;
}

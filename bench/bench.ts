import type { Findings } from "./report/findings.js";

/** What a bench is given. */
export interface BenchContext {
  /** The command line behind the bench's name. */
  readonly args: readonly string[];
  /** An empty temporary folder, deleted afterwards. */
  readonly folder: string;
  /** Where the processes are to leave CPU profiles; undefined: none. */
  readonly profileFolder: string | undefined;
  /** For progress, on stderr. */
  note(text: string): void;
}

/** One measurement, by name. */
export interface Bench {
  readonly name: string;
  readonly summary: string;
  /** Throws a UsageError for a wrong command line. */
  run(context: BenchContext): Promise<Findings>;
}

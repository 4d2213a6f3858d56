import type { Version } from "../replica/version.js";

/** A write that some primary has called committed. */
export interface CommittedWrite {
  readonly partition: number;
  readonly name: string;
  readonly version: Version;
  /** The stores that had to have it: each replica of the entry in which it was committed. */
  readonly holders: readonly number[];
}

/** What happened often, to see that a run is about something. */
export type Figure =
  | "reads"
  | "writes"
  | "repeats"
  | "failovers"
  | "elections"
  | "hand-offs"
  | "armed"
  | "adopted"
  | "NACKs"
  | "replicas added"
  | "drops"
  | "deltas"
  | "full copies"
  | "kills"
  | "power cuts"
  | "deaths"
  | "terms"
  | "events watched"
  | "watches compacted"
  | "not at rest";

/** Raised at the first violation, which ends the run. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** Everything that the checkers go by. No decider looks at it. */
export class Observations {
  readonly committed = new Map<string, CommittedWrite>();
  /** What is known of each partition and epoch. */
  readonly entries = new Map<string, string>();
  readonly figures = new Map<Figure, number>();
  readonly trace: string[] = [];
  readonly #keepsTrace: boolean;

  constructor(keepsTrace: boolean) {
    this.#keepsTrace = keepsTrace;
  }

  count(figure: Figure): void {
    this.figures.set(figure, (this.figures.get(figure) ?? 0) + 1);
  }

  /** The text is made only when a trace is kept. */
  note(text: () => string): void {
    if (this.#keepsTrace) this.trace.push(text());
  }
}

/** The persisted steps of an operation, each seen by the process that persists it. */

/** Who takes part in a cell. */
export type Role = "master" | "source" | "target" | "client";

/** A process that persists steps. */
export type Observer = Exclude<Role, "client">;

/** The operations of the matrix. */
export type OperationKind = "add" | "remove" | "rebalance";

/** One step. */
export interface Step {
  /** Who persists it, and is stopped at it. */
  readonly observer: Observer;
  /** What is committed, or told. */
  readonly what: string;
  /** Whether it comes at the beginning of an operation, with its moves, or at its end. */
  readonly phase: "first" | "moves" | "last";
  /** What is told rather than committed has no moment after: that is the commit of whom it is told. */
  readonly told?: true;
  /** Default: all. */
  readonly operations?: readonly OperationKind[];
  /** Roles that are not there at this step, by operation, with the reason. */
  readonly absent?: Partial<Record<OperationKind, Partial<Record<Role, string>>>>;
}

/** Every step, in the order in which an operation comes by them. */
export const steps = {
  "operation-pending": {
    observer: "master",
    what: "the operation is recorded and waits for its store to register",
    phase: "first",
    operations: ["add"],
    absent: { add: { target: "the new store is started afterwards" } },
  },
  "operation-begun": {
    observer: "master",
    what: "the operation is `moving`, its moves are `planned`, its store is `active` or `draining`",
    phase: "first",
  },
  "move-copying": {
    observer: "master",
    what: "a move is `copying`, the partition's entry names the learner",
    phase: "moves",
  },
  "learner-adopted": {
    observer: "source",
    what: "the source's live record has the entry with the learner",
    phase: "moves",
  },
  "chunk-stored": {
    observer: "target",
    what: "a chunk of the snapshot is in a generation that is not live",
    phase: "moves",
  },
  "copy-complete": {
    observer: "target",
    what: "the staged record says that the copy is complete",
    phase: "moves",
  },
  "later-write-applied": {
    observer: "target",
    what: "writes made since the snapshot are applied to the complete copy",
    phase: "moves",
  },
  "ready-reported": {
    observer: "source",
    what: "READY: acknowledgements need the target, and the master is told",
    phase: "moves",
    told: true,
  },
  "move-replica-added": {
    observer: "master",
    what: "a move is `replica-added`, the target is a backup at the next epoch",
    phase: "moves",
  },
  "backup-adopted": {
    observer: "source",
    what: "the source's live record has the entry with the backup",
    phase: "moves",
  },
  "release-reported": {
    observer: "source",
    what: "RELEASE: the source serves the partition no more, and the master is told",
    phase: "moves",
    told: true,
  },
  "move-leadership-transferred": {
    observer: "master",
    what: "a move is `leadership-transferred`, the target is primary at the next epoch",
    phase: "moves",
  },
  "copy-live": {
    observer: "target",
    what: "the live record names the copy, the staged record is gone",
    phase: "moves",
  },
  "copy-flushed": {
    observer: "target",
    what: "what went live is flushed to the disk, before the master is told",
    phase: "moves",
  },
  "owner-adopted": {
    observer: "source",
    what: "the source's live record has the entry with the new owner",
    phase: "moves",
  },
  "live-dropped": {
    observer: "source",
    what: "the source's live record is deleted",
    phase: "moves",
  },
  "generation-dropped": {
    observer: "source",
    what: "the released generation's data and counters are deleted",
    phase: "moves",
  },
  "move-ended": {
    observer: "master",
    what: "a move's record is deleted: nothing on its source's disk names the copy",
    phase: "moves",
  },
  "operation-leaving": {
    observer: "master",
    what: "the operation is `leaving`: its store is empty and is told to stop",
    phase: "last",
    operations: ["remove"],
  },
  "operation-finished": {
    observer: "master",
    what: "the operation is `finished`",
    phase: "last",
    absent: { remove: { source: "the removed store has ended by then" } },
  },
} as const satisfies Record<string, Step>;

/** The name of a step. */
export type StepName = keyof typeof steps;

/** Every name, in order. */
export const stepNames: readonly StepName[] = Object.keys(steps) as StepName[];

/** A step by its name. */
export function stepOf(name: StepName): Step {
  return steps[name];
}

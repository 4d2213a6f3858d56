import type { PartitionEntry, Version } from "./topology.js";

/**
 * What a caller should do about an error:
 * - `INVALID_ARGUMENT`, `FAILED_PRECONDITION`, `NOT_FOUND`, `ALREADY_EXISTS`: fix the input or the situation.
 * - `CONDITION_FAILED`: an if-absent or if-version condition did not hold.
 * - `RESOURCE_EXHAUSTED`: a limit was reached; nothing was executed.
 * - `MOVED`, `UNAVAILABLE`: nothing was executed; repeat it (the SDK does, until the deadline).
 * - `OUTCOME_UNKNOWN`: a write may or may not have happened; read before writing again.
 * - `DEADLINE_EXCEEDED`: the time was up before anything was executed.
 * - `CANCELLED`: this caller gave up before anything was executed. Never that the other side cut the call off.
 * - `INTERNAL`: a bug or an unexpected failure.
 */
export type ErrorCode =
  | "INVALID_ARGUMENT"
  | "RESOURCE_EXHAUSTED"
  | "CONDITION_FAILED"
  | "MOVED"
  | "UNAVAILABLE"
  | "OUTCOME_UNKNOWN"
  | "DEADLINE_EXCEEDED"
  | "FAILED_PRECONDITION"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "CANCELLED"
  | "INTERNAL";

/** A request field at fault, and what to do about it. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** What an error carries besides its code and message. */
export interface EkvErrorDetails {
  /** True when the call is guaranteed to have had no effect. Default false. */
  readonly notExecuted?: boolean;
  readonly violations?: readonly FieldViolation[];
  /** With `MOVED`: the partition's present entry. */
  readonly moved?: PartitionEntry;
  /** With `CONDITION_FAILED`, when the key exists: its version. */
  readonly current?: Version;
  readonly cause?: unknown;
}

/** The one error class of the system, on servers and in the SDK. */
export class EkvError extends Error {
  override readonly name = "EkvError";
  readonly code: ErrorCode;
  readonly notExecuted: boolean;
  readonly violations: readonly FieldViolation[];
  readonly moved: PartitionEntry | undefined;
  readonly current: Version | undefined;

  constructor(code: ErrorCode, message: string, details: EkvErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.notExecuted = details.notExecuted ?? false;
    this.violations = details.violations ?? [];
    this.moved = details.moved;
    this.current = details.current;
  }
}

/** An `INVALID_ARGUMENT` error that names one field. */
export function invalidArgument(field: string, description: string): EkvError {
  return new EkvError("INVALID_ARGUMENT", `${field}: ${description}`, {
    notExecuted: true,
    violations: [{ field, description }],
  });
}

/** A broken invariant: a bug. Left on in production. */
class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Throws {@link InvariantError} unless `condition` holds. */
export function assertInvariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

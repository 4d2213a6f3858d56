import type { ServerIdentity } from "./server-identity.js";
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

/** The SDK call that an error ended. */
export interface FailedCall {
  /** The method that was called, such as `get` or `putMany`. */
  readonly call: string;
  /** The key: text where it is UTF-8, bytes elsewhere. Undefined for calls without one. */
  readonly key?: string | Uint8Array | undefined;
  /** How many times a server was asked. */
  readonly attempts: number;
  /** host:port of the server asked last; undefined when none was asked. */
  readonly store?: string | undefined;
}

/** One call of a bulk call that failed. */
export interface BulkFailure {
  /** Where the key is in what the caller gave, from 0. */
  readonly index: number;
  readonly key: string | Uint8Array | undefined;
  /** `not-executed`: it had no effect. `unknown`: the write may or may not have happened. */
  readonly outcome: "not-executed" | "unknown";
  readonly error: EkvError;
}

/** What an error carries besides its code and message. */
export interface EkvErrorDetails {
  /** True when the call is guaranteed to have had no effect. Default false. */
  readonly notExecuted?: boolean;
  readonly violations?: readonly FieldViolation[];
  /** With `MOVED`: the partition's present entry. */
  readonly moved?: PartitionEntry | undefined;
  /** With `CONDITION_FAILED`, when the key exists: its version. */
  readonly current?: Version | undefined;
  /** How long the server asks to wait before the next attempt, in milliseconds. Default 0: no longer than the caller would. */
  readonly retryAfterMs?: number;
  /** In the SDK: the call that failed. */
  readonly call?: FailedCall;
  /** Of a bulk call: what failed, by index. */
  readonly failures?: readonly BulkFailure[];
  /** The server that refused a call because the call is meant for another one; see `ServerIdentity` in common.proto. */
  readonly answeredBy?: ServerIdentity | undefined;
  readonly cause?: unknown;
}

const noFailures: readonly BulkFailure[] = [];

/** The one error class of the system, on servers and in the SDK. */
export class EkvError extends Error {
  override readonly name = "EkvError";
  readonly code: ErrorCode;
  readonly notExecuted: boolean;
  readonly violations: readonly FieldViolation[];
  readonly moved: PartitionEntry | undefined;
  /** With `CONDITION_FAILED`: the key's present version; undefined when the key does not exist. */
  readonly current: Version | undefined;
  /** How long the server asks to wait before the next attempt, in milliseconds; 0: it does not say. */
  readonly retryAfterMs: number;
  /** The SDK method that failed, such as `get` or `putMany`; undefined on servers. */
  readonly call: string | undefined;
  /** The key of the call that failed: text where it is UTF-8, bytes elsewhere. */
  readonly key: string | Uint8Array | undefined;
  /** How many times a server was asked. */
  readonly attempts: number;
  /** host:port of the server asked last. */
  readonly store: string | undefined;
  /** Of `getMany`, `putMany` and `deleteMany`: each call that failed, by index. The others succeeded. */
  readonly failures: readonly BulkFailure[];
  readonly answeredBy: ServerIdentity | undefined;

  constructor(code: ErrorCode, message: string, details: EkvErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.notExecuted = details.notExecuted ?? false;
    this.violations = details.violations ?? [];
    this.moved = details.moved;
    this.current = details.current;
    this.retryAfterMs = details.retryAfterMs ?? 0;
    this.call = details.call?.call;
    this.key = details.call?.key;
    this.attempts = details.call?.attempts ?? 0;
    this.store = details.call?.store;
    this.failures = details.failures ?? noFailures;
    this.answeredBy = details.answeredBy;
  }
}

/** The same error as the end of a call. It is a new one, whose stack is that of whoever makes it. */
export function errorOfCall(error: EkvError, call: FailedCall): EkvError {
  return new EkvError(error.code, error.message, {
    ...(error as Omit<EkvError, "call">),
    call,
    cause: error.cause,
  });
}

/** An `INVALID_ARGUMENT` error that names one field. */
export function invalidArgument(field: string, description: string): EkvError {
  return new EkvError("INVALID_ARGUMENT", `${field}: ${description}`, {
    notExecuted: true,
    violations: [{ field, description }],
  });
}

/**
 * Whether a disk refuses to record anything for a reason that may pass while the process runs: it is full, or the file is not
 * where it was. What was recorded before is as it was, and nothing of what was refused is stored.
 */
export function isDiskRefusal(error: unknown): error is EkvError {
  return (
    error instanceof EkvError && (error.code === "RESOURCE_EXHAUSTED" || error.code === "FAILED_PRECONDITION")
  );
}

/** A broken invariant: a bug. Left on in production. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Throws {@link InvariantError} unless `condition` holds. */
export function assertInvariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

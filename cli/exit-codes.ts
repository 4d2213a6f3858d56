import { EkvError, type ErrorCode } from "../services/core/errors.js";

/** What the exit status of `ekv` means. Scripts may rely on it. */
export const exitCodes = {
  /** Everything asked for was done. */
  ok: 0,
  /** The call failed, or something unexpected happened. */
  failed: 1,
  /** The command line or the input is wrong; nothing was executed for it. */
  usage: 2,
  /** The key, store or operation does not exist. */
  notFound: 3,
  /** An --if-absent or --if-version condition did not hold; nothing was written. */
  conditionFailed: 4,
  /** Nobody could serve the call in time; it had no effect and may be repeated. */
  unavailable: 5,
  /** A write may or may not have happened: read before writing again. */
  outcomeUnknown: 6,
  /** The operation that was followed failed or was cancelled. */
  operationFailed: 7,
  /** Interrupted with Ctrl-C. */
  interrupted: 130,
} as const;

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const codeOf: Readonly<Record<ErrorCode, ExitCode>> = {
  INVALID_ARGUMENT: exitCodes.usage,
  RESOURCE_EXHAUSTED: exitCodes.failed,
  CONDITION_FAILED: exitCodes.conditionFailed,
  MOVED: exitCodes.unavailable,
  UNAVAILABLE: exitCodes.unavailable,
  OUTCOME_UNKNOWN: exitCodes.outcomeUnknown,
  DEADLINE_EXCEEDED: exitCodes.unavailable,
  FAILED_PRECONDITION: exitCodes.failed,
  NOT_FOUND: exitCodes.notFound,
  ALREADY_EXISTS: exitCodes.failed,
  CANCELLED: exitCodes.failed,
  INTERNAL: exitCodes.failed,
};

/** The exit status for an error; whatever is not an EkvError is 1. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof EkvError ? codeOf[error.code] : exitCodes.failed;
}

/** The table of `ekv --help`. */
export const exitCodesHelp: string = `Exit status:
  0    done
  1    the call failed, or something unexpected happened
  2    wrong usage or bad input; nothing was executed for it
  3    the key, store or operation does not exist
  4    an --if-absent or --if-version condition did not hold
  5    unavailable, or not done in time (--timeout-ms)
  6    outcome unknown: a write may or may not have happened; read before writing again
  7    the operation that was followed failed or was cancelled
  130  interrupted with Ctrl-C`;

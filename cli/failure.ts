import { EkvError, type FieldViolation } from "../services/core/errors.js";

/** What `--json` prints on stderr when a command fails. */
export interface Failure {
  readonly error: {
    /** An `ErrorCode`; system errors give their own, such as `ENOENT`. */
    readonly code: string;
    readonly message: string;
    readonly violations: readonly FieldViolation[];
  };
}

/** Any thrown value in the shape that `--json` prints. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof EkvError) {
    return { error: { code: error.code, message: error.message, violations: error.violations } };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { error: { code: "INTERNAL", message, violations: [] } };
}

/** A file error as the wrong input it usually is, naming the path; anything else as it came. */
export function fileFailure(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "no such file or folder",
    EACCES: "permission denied",
    EISDIR: "is a folder",
    EEXIST: "exists already",
  };
  const reason = reasons[String(error.code)];
  if (reason === undefined) return error;
  return new EkvError("INVALID_ARGUMENT", `${path}: ${reason}`, { notExecuted: true, cause: error });
}

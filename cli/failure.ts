import { EkvError, type FieldViolation } from "../services/core/errors.js";
import { OutputError } from "./output.js";
import { systemErrorName, systemReason } from "../services/runtime/system-reason.js";
import { formatVersion } from "../services/core/version-text.js";

/** What `--json` prints on stderr when a command fails. */
export interface Failure {
  readonly error: {
    /** An `ErrorCode`; system errors give their own, such as `ENOENT`. */
    readonly code: string;
    readonly message: string;
    readonly violations: readonly FieldViolation[];
    /** With `CONDITION_FAILED`, when the key exists: its version, as `--if-version` takes it. */
    readonly current?: string;
  };
}

/** Any thrown value in the shape that `--json` prints. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof EkvError) {
    const { code, message, violations, current } = error;
    return { error: { code, message, violations, ...(current && { current: formatVersion(current) }) } };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { error: { code: systemErrorName(error) ?? "INTERNAL", message, violations: [] } };
}

/** Failures that another path, or other rights, would mend. */
const usageCodes: ReadonlySet<string> = new Set([
  "EACCES",
  "EEXIST",
  "EISDIR",
  "ENOENT",
  "ENOTDIR",
  "EPERM",
  "EROFS",
]);

/** A file could not be read or written, for a reason that is not in the command line. */
class FileError extends Error {
  override readonly name = "FileError";
  readonly code: string;

  constructor(path: string, code: string, cause: Error) {
    super(`${path}: ${systemReason(code) ?? cause.message}`, { cause });
    this.code = code;
  }
}

/** A system error with the path in its message: wrong input where that is what it means. Anything else as it came. */
export function fileFailure(path: string, error: unknown): unknown {
  const code = systemErrorName(error);
  if (code === undefined || error instanceof OutputError || error instanceof FileError) return error;
  if (!usageCodes.has(code)) return new FileError(path, code, error as Error);
  const message = `${path}: ${systemReason(code) ?? code}`;
  return new EkvError("INVALID_ARGUMENT", message, { notExecuted: true, cause: error });
}

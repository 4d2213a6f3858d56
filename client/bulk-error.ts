import { boundedText } from "../services/core/checks.js";
import { type BulkFailure, EkvError } from "../services/core/errors.js";

/**
 * The one error of a bulk call, which lists what failed. Its code is that of the first write whose outcome is unknown, or
 * else of the first failure.
 */
export function bulkError(name: string, total: number, unordered: readonly BulkFailure[]): EkvError {
  const failures = unordered.toSorted((a, b) => a.index - b.index);
  const worst = failures.find(({ outcome }) => outcome === "unknown") ?? (failures[0] as BulkFailure);
  const { error, index, key } = worst;
  const named = typeof key === "string" ? ` (key ${JSON.stringify(boundedText(key))})` : "";
  const message = `${failures.length} of ${total} calls failed; the one at index ${index}${named}: ${error.message}`;
  return new EkvError(error.code, message, {
    notExecuted: failures.length === total && failures.every(({ outcome }) => outcome === "not-executed"),
    violations: failures.flatMap((failure) =>
      failure.error.violations.map(({ field, description }) => ({
        field: `[${failure.index}].${field}`,
        description,
      })),
    ),
    failures,
    call: {
      call: name,
      key,
      attempts: failures.reduce((sum, failure) => sum + failure.error.attempts, 0),
      store: error.store,
    },
    cause: error,
  });
}

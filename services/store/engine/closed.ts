import { EkvError } from "../../core/errors.js";

/** What every call on a closed engine fails with. */
export function engineClosed(): EkvError {
  return new EkvError("UNAVAILABLE", "the storage engine is closed: the store is stopping", {
    notExecuted: true,
  });
}

/** What a read of a closed snapshot, or of one whose engine is closed, fails with. */
export function snapshotClosed(): EkvError {
  return new EkvError("UNAVAILABLE", "the snapshot is closed", { notExecuted: true });
}

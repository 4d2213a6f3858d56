import { NoMaster } from "../client/seed-failure.js";
import { EkvError } from "../services/core/errors.js";

/** What to do about a failure, in a line of its own; undefined: the message says it. */
export function hintFor(error: unknown): string | undefined {
  if (!(error instanceof EkvError)) return undefined;
  if (error.code === "OUTCOME_UNKNOWN") {
    return "The write may or may not have happened: read before writing again.";
  }
  if (error.code !== "UNAVAILABLE") return undefined;
  return error.cause instanceof NoMaster && error.cause.storesAnswer
    ? "The master does not answer, but stores do: they serve reads and writes. `ekv status` shows what they know."
    : "Is the cluster up? `ekv up` starts one here; --seeds says where another is.";
}

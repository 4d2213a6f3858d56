import type { EkvError } from "../services/core/errors.js";

/** Why a server was of no use when the topology, or the master, was looked for. */
export interface SeedFailure {
  /** host:port. */
  readonly address: string;
  readonly reason: EkvError;
  /** Why it is certain that no server is there; see `FindRefusal`. */
  readonly refusal: string | undefined;
}

/** What every server was of no use for, in one line. */
export function describeFailures(failures: readonly SeedFailure[]): string {
  return failures
    .map(({ address, reason, refusal }) => `${address}: ${refusal ?? reason.message}`)
    .join("; ");
}

import type { EkvError } from "../services/core/errors.js";

/** Why a server was of no use when the topology, or the master, was looked for. */
export interface SeedFailure {
  /** host:port. */
  readonly address: string;
  readonly reason: EkvError;
  /** Why it is certain that no server is there, see `FindRefusal`; or that the server is a store. */
  readonly refusal: string | undefined;
}

/** Why every server was of no use, in one line: each reason once, after the addresses that it is true of. */
export function describeFailures(failures: readonly SeedFailure[]): string {
  const addresses = new Map<string, string[]>();
  for (const { address, reason, refusal } of failures) {
    const text = refusal ?? reason.message;
    const known = addresses.get(text);
    if (known) known.push(address);
    else addresses.set(text, [address]);
  }
  return [...addresses].map(([text, those]) => `${those.join(", ")}: ${text}`).join("; ");
}

/** The cause of an error that says that no master answers: what each seed failed with. */
export class NoMaster extends AggregateError {
  override readonly name = "NoMaster";
  /** Whether a store answered. */
  readonly storesAnswer: boolean;

  constructor(failures: readonly SeedFailure[], storesAnswer: boolean) {
    super(
      failures.map(({ reason }) => reason),
      "no seed is a master that answers",
    );
    this.storesAnswer = storesAnswer;
  }
}

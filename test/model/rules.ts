/**
 * The rules of replication and of leases that the models keep. A mutant breaks one of them, or a few that stand in for each other;
 * what it then does is in the code at the place that asks for the rule.
 */
export const ruleNames = [
  // The handshake, and what is acknowledged.
  "a bound learner is required",
  "a sync covers both tails",
  "a sync is applied before it is acknowledged",
  "a log that is too short means a full copy",
  "the log is trimmed below committed",
  "committed is never above the own version",
  "a hello of a lower epoch is refused",
  "a refused write is not acknowledged",
  "acknowledgements count in their epoch alone",
  "a session blocks the deletion of its replica",
  "READY waits until the learner has caught up",
  "READY names the learner's incarnation",
  "valid waits for the match",
  // Failover, drops and elections.
  "a suspect is not promoted",
  "a failover keeps all members",
  "a roll-back keeps the backups",
  "an election asks afresh",
  "an election keeps all members",
  "incarnations are persisted",
  "only an intact store is renamed in place",
  "a drop is asked after a flush",
  "a backup to be dropped is not counted",
  // Leases and reads.
  "reads need a lease of every backup",
  "reads wait for the commit",
  "no reads after RELEASE",
  "a take-over waits for the former leases",
  "a drop keeps the wait for leases",
  "a lease is granted longer than it is used",
  "a lease counts from its request",
  "a start waits for one lease",
  "a lease is refused to who lacks an entry",
  "only matched backups' leases count",
  "early serving holds acknowledgements back",
  "RELEASE waits for the former leases",
  // Armed hand-offs, without the master in the pause.
  "an armed entry is left by two epochs",
  "arming again is a new epoch",
  "no backup is added to an armed entry",
  "a released primary resumes by a NACK alone",
  "a NACK voids the epoch",
  "a RELEASE of a former epoch is ignored",
  "the successor has the whole tail",
  "the successor is the incarnation named",
  "the former primary stays a backup",
  "RELEASE is no match",
  "a successor waits for every match",
  "leases of a successor are waited for",
  // Exactly once, and watch.
  "a repeated call is not executed again",
  "a repeated call is answered once committed",
  "full copies carry the call table",
  "a sync reconciles the call table",
  "the floor outlives the outcomes",
  "a watch delivers what is committed",
  "a watch resumes by epoch and seq",
  // Masters.
  "a commit compares the term",
  "a leader reads the log first",
  "a record is written once",
] as const;

/** One of them. */
export type RuleName = (typeof ruleNames)[number];

/** The rules that a run keeps: all but those that its mutant breaks. */
export class Rules {
  readonly #broken: ReadonlySet<RuleName>;

  constructor(broken: readonly RuleName[] = []) {
    this.#broken = new Set(broken);
  }

  keep(rule: RuleName): boolean {
    return !this.#broken.has(rule);
  }
}

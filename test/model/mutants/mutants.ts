import type { RuleName } from "../rules.js";

/** Rules that a mutant breaks, and where it has to be found. */
export interface Mutant {
  readonly name: string;
  readonly breaks: readonly RuleName[];
  /** The kind of cluster that brings it out. */
  readonly cluster: string;
  /** Runs after which it counts as not found. */
  readonly seedsMax: number;
}

/** One for each rule that random runs show to be necessary. */
export const mutants: readonly Mutant[] = [
  mutant("READY without the union", "pair", "a bound learner is required"),
  mutant("sync of the own tail", "triple", "a sync covers both tails"),
  mutant("no reconciliation", "triple", "a sync is applied before it is acknowledged"),
  mutant("delta below the log", "pair", "a log that is too short means a full copy"),
  mutant("log trimmed above committed", "pair", "the log is trimmed below committed"),
  mutant("hello of a lower epoch", "pair", "a hello of a lower epoch is refused"),
  mutant("refused write acknowledged", "pair", "a refused write is not acknowledged"),
  mutant("acks of other epochs", "triple", "acknowledgements count in their epoch alone"),
  mutant("replica deleted in a session", "pair", "a session blocks the deletion of its replica"),
  mutant("READY too early", "pair", "READY waits until the learner has caught up"),
  mutant("suspect promoted", "pair", "a suspect is not promoted"),
  mutant("members dropped in a failover", "triple", "a failover keeps all members"),
  mutant("roll-back without backups", "pair", "a roll-back keeps the backups"),
  mutant("incarnations not persisted", "pair", "incarnations are persisted"),
  mutant("renamed after a power cut", "renames", "only an intact store is renamed in place"),
  mutant("drop without a flush", "pair", "a drop is asked after a flush"),
  mutant("reads without leases", "leases", "reads need a lease of every backup"),
  mutant("reads of the uncommitted", "leases", "reads wait for the commit"),
  mutant("no wait at a take-over", "lease-pair", "a take-over waits for the former leases"),
  mutant("wait forgotten at a drop", "lease-pair", "a drop keeps the wait for leases"),
  mutant("no margin for drift", "lease-pair", "a lease is granted longer than it is used"),
  mutant("lease counted from its receipt", "lease-pair", "a lease counts from its request"),
  mutant("no wait after a start", "lease-pair", "a start waits for one lease"),
  mutant("pair-wise renewal", "lease-pair", "a lease is refused to who lacks an entry"),
  mutant("early acknowledgements", "early", "early serving holds acknowledgements back"),
  mutant("no dedupe", "pair", "a repeated call is not executed again"),
  mutant("repeat answered at once", "triple", "a repeated call is answered once committed"),
  mutant("call table not copied", "pair", "full copies carry the call table"),
  mutant("call table not reconciled", "triple", "a sync reconciles the call table"),
  mutant("watch of the uncommitted", "triple", "a watch delivers what is committed"),
  mutant("deposed master not fenced", "pair", "a commit compares the term", "a record is written once"),
  mutant("leader that has not read the log", "pair", "a leader reads the log first"),
  mutant("armed entry left by one epoch", "armed", "an armed entry is left by two epochs"),
  mutant("armed again at the same epoch", "armed", "arming again is a new epoch"),
  mutant("RELEASE of a former epoch", "armed", "a RELEASE of a former epoch is ignored"),
  mutant(
    "successor not checked",
    "armed",
    "the successor has the whole tail",
    "the successor is the incarnation named",
  ),
  mutant("former primary dropped", "armed", "the former primary stays a backup"),
];

function mutant(name: string, cluster: string, ...breaks: RuleName[]): Mutant {
  return { name, breaks, cluster, seedsMax: 3000 };
}

import type { Rules } from "../rules.js";
import { type CallTable, withExecuted } from "./call-table.js";
import { type Version, compareVersions, newerOf, olderOf, zeroVersion } from "./version.js";
import { type Write, writeName } from "./write.js";

/** A key's value, with the version that wrote it. */
export interface Cell {
  readonly value: string;
  readonly version: Version;
}

/** One generation of a partition on a disk: data, counters, call table and log change in one transaction. */
export interface ReplicaState {
  readonly cells: ReadonlyMap<string, Cell>;
  readonly calls: CallTable;
  /** Of the last write. */
  readonly version: Version;
  /** What this replica knows to be committed; never above its own version. */
  readonly committed: Version;
  /** Every write above `logBase`, in order. */
  readonly log: readonly Write[];
  readonly logBase: Version;
  /** The writes that made this state, in order: for the checkers, which alone may look. */
  readonly lineage: readonly string[];
}

/** A generation without data. */
export const emptyReplica: ReplicaState = {
  cells: new Map(),
  calls: new Map(),
  version: zeroVersion,
  committed: zeroVersion,
  log: [],
  logBase: zeroVersion,
  lineage: [],
};

/** The log above what this replica knows to be committed: what another primary may not have. */
export function tailOf(state: ReplicaState): readonly Write[] {
  return logAbove(state, state.committed);
}

/** The writes of the log above a version. */
export function logAbove({ log }: ReplicaState, version: Version): readonly Write[] {
  return log.filter((write) => compareVersions(write.version, version) > 0);
}

/** The state after one more write, which is the next in order. `committed` is what the primary has told. */
export function applyWrite(
  state: ReplicaState,
  write: Write,
  {
    committed,
    logMax,
    rules,
  }: { readonly committed: Version; readonly logMax: number; readonly rules: Rules },
): ReplicaState {
  const { key, value, version, mark } = write;
  const told = newerOf(committed, state.committed);
  const keepsFloor = rules.keep("the floor outlives the outcomes");
  return trimLog(
    {
      cells: new Map(state.cells).set(key, { value, version }),
      calls: new Map(state.calls).set(
        mark.client,
        withExecuted(state.calls.get(mark.client), mark, version, keepsFloor),
      ),
      version,
      committed: rules.keep("committed is never above the own version") ? olderOf(told, version) : told,
      log: [...state.log, write],
      logBase: state.logBase,
      lineage: [...state.lineage, writeName(write)],
    },
    logMax,
    rules,
  );
}

/** Takes the oldest records off a log that is too long, as far as they are committed. */
function trimLog(state: ReplicaState, logMax: number, rules: Rules): ReplicaState {
  let trimmed = 0;
  const { log, committed } = state;
  const mayTrim = (write: Write): boolean =>
    compareVersions(write.version, committed) <= 0 || !rules.keep("the log is trimmed below committed");
  for (let first = log[0]; first && log.length - trimmed > logMax && mayTrim(first); first = log[trimmed])
    trimmed += 1;
  const last = log[trimmed - 1];
  return last ? { ...state, log: log.slice(trimmed), logBase: last.version } : state;
}

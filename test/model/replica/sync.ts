import type { Rules } from "../rules.js";
import type { CallTable, ClientCalls } from "./call-table.js";
import { type Cell, type ReplicaState, logAbove } from "./replica-state.js";
import { Violation } from "../world/observations.js";
import { type Version, compareVersions, newerOf } from "./version.js";
import type { Write } from "./write.js";

/** What a backup says of its replica in the handshake; undefined: it has none. */
export interface ReplicaReport {
  readonly version: Version;
  readonly committed: Version;
  /** Its log above `committed`. */
  readonly tail: readonly Write[];
}

/** The primary's present state as far as a backup lacks it. */
export type Sync =
  | { readonly kind: "full"; readonly state: ReplicaState }
  | {
      readonly kind: "delta";
      /** What the backup reported as committed: below it the two agree. */
      readonly base: Version;
      /** Null: the primary does not have the key. */
      readonly cells: ReadonlyMap<string, Cell | null>;
      readonly calls: ReadonlyMap<number, ClientCalls | null>;
      readonly log: readonly Write[];
      readonly version: Version;
      readonly committed: Version;
      readonly lineage: readonly string[];
    };

/** What to send to a backup so that it matches: the keys and calls in either tail, or everything when the log is too short. */
export function planSync(
  state: ReplicaState,
  committed: Version,
  backup: ReplicaReport | undefined,
  rules: Rules,
): Sync {
  const told = newerOf(state.committed, committed);
  const isCovered =
    backup !== undefined &&
    (compareVersions(state.logBase, backup.committed) <= 0 ||
      !rules.keep("a log that is too short means a full copy"));
  if (!isCovered) {
    const calls = rules.keep("full copies carry the call table") ? state.calls : new Map();
    return { kind: "full", state: { ...state, calls, committed: told } };
  }
  const log = logAbove(state, backup.committed);
  const tails = rules.keep("a sync covers both tails") ? [...log, ...backup.tail] : log;
  const clients = rules.keep("a sync reconciles the call table") ? tails.map(({ mark }) => mark.client) : [];
  const { cells, calls, version, lineage } = state;
  return {
    kind: "delta",
    base: backup.committed,
    cells: new Map(tails.map(({ key }) => [key, cells.get(key) ?? null])),
    calls: new Map(clients.map((client) => [client, calls.get(client) ?? null])),
    log,
    version,
    committed: told,
    lineage,
  };
}

/** The backup's state after a sync. */
export function applySync(state: ReplicaState | null, sync: Sync, rules: Rules): ReplicaState {
  if (sync.kind === "full") return sync.state;
  if (state === null) throw new Violation("a delta for a store that has no replica any more");
  if (!rules.keep("a sync is applied before it is acknowledged")) return state;
  return {
    cells: merged(state.cells, sync.cells),
    calls: merged<number, ClientCalls>(state.calls, sync.calls) satisfies CallTable,
    version: sync.version,
    committed: sync.committed,
    log: [...state.log.filter(({ version }) => compareVersions(version, sync.base) <= 0), ...sync.log],
    logBase: state.logBase,
    lineage: sync.lineage,
  };
}

function merged<K, V>(former: ReadonlyMap<K, V>, changes: ReadonlyMap<K, V | null>): ReadonlyMap<K, V> {
  const all = new Map(former);
  for (const [key, value] of changes) {
    if (value === null) all.delete(key);
    else all.set(key, value);
  }
  return all;
}

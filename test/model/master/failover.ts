import { type Entry, type Member, membersOf, without } from "../replica/entry.js";
import { type Version, compareVersions } from "../replica/version.js";
import type { Rules } from "../rules.js";
import type { ClusterView } from "./cluster-view.js";

/** Who is to have a partition next: an entry without its epoch. */
export type NextEntry = Pick<Entry, "primary" | "backups" | "released" | "successor">;

/** Whether a member is suspect: its store was registered again, and may have lost what it had acknowledged. */
export function isSuspect(view: ClusterView, { store, incarnation }: Member): boolean {
  return view.incarnations[store] !== incarnation;
}

/** What a failover may choose from. */
export interface FailoverChoice {
  readonly isAlive: (store: number) => boolean;
  readonly pick: <T>(items: readonly T[]) => T;
  readonly rules: Rules;
}

/** A clean, living backup leads, and everybody else stays a member, the former primary too. Undefined: there is no such backup. */
export function planFailover(
  view: ClusterView,
  entry: Entry,
  { isAlive, pick, rules }: FailoverChoice,
): NextEntry | undefined {
  const promotesSuspects = !rules.keep("a suspect is not promoted");
  const fit = entry.backups.filter(
    (member) => isAlive(member.store) && (promotesSuspects || !isSuspect(view, member)),
  );
  if (fit.length === 0) return undefined;
  const { store, incarnation } = pick(fit);
  const primary = { store, incarnation: promotesSuspects ? (view.incarnations[store] ?? 0) : incarnation };
  const rest = without(membersOf(entry), store);
  return {
    primary,
    backups: rules.keep("a failover keeps all members") ? rest : [],
    released: false,
  };
}

/** Whether nobody of an entry is clean: then all have to say what they have. */
export function needsElection(view: ClusterView, entry: Entry): boolean {
  return membersOf(entry).every((member) => isSuspect(view, member));
}

/** What a member has said of its replica, as the incarnation that it has now. */
export interface ElectionReport {
  readonly incarnation: number;
  readonly version: Version | undefined;
}

/** The member with the highest version leads, once every member has reported as it is registered now. Undefined: not yet. */
export function planElection(
  view: ClusterView,
  entry: Entry,
  reports: ReadonlyMap<number, ElectionReport>,
  rules: Rules,
): NextEntry | undefined {
  if (!needsElection(view, entry)) return undefined;
  const all = membersOf(entry);
  const isPresent = ({ store }: Member): boolean =>
    reports.get(store)?.incarnation === view.incarnations[store];
  if (!all.every(isPresent)) return undefined;
  const best = all
    .filter(({ store }) => reports.get(store)?.version)
    .toSorted((a, b) => compareVersions(versionOf(reports, b), versionOf(reports, a)))[0];
  if (!best) return undefined;
  const rest = without(all, best.store);
  return {
    primary: { store: best.store, incarnation: view.incarnations[best.store] ?? 0 },
    backups: rules.keep("an election keeps all members") ? rest : [],
    released: false,
  };
}

function versionOf(reports: ReadonlyMap<number, ElectionReport>, { store }: Member): Version {
  return reports.get(store)?.version ?? { epoch: 0, seq: 0 };
}

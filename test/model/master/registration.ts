import { type Entry, type Member, memberOf } from "../replica/entry.js";
import type { ClusterView, ViewChange } from "./cluster-view.js";

/** A new incarnation for a store's new process. A store that lost nothing is renamed in the entries that it was clean in. */
export function planRegistration(
  view: ClusterView,
  store: number,
  process: number,
  renames: boolean,
): ViewChange & { readonly incarnations: readonly number[] } {
  const former = view.incarnations[store] ?? 0;
  const incarnation = former + 1;
  const rename = (member: Member): Member =>
    member.store === store && member.incarnation === former ? { store, incarnation } : member;
  const entries = view.entries.map((entry): Entry => {
    if (!renames || memberOf(entry, store)?.incarnation !== former) return entry;
    const { primary, backups, epoch, successor, ...rest } = entry;
    return {
      ...rest,
      epoch: epoch + (successor ? 2 : 1),
      primary: rename(primary),
      backups: backups.map(rename),
      released: false,
    };
  });
  return {
    incarnations: view.incarnations.with(store, incarnation),
    processes: view.processes.with(store, process),
    entries,
  };
}

/** The incarnations that the entries name: less than what was issued. For a mutant that keeps no other record. */
export function incarnationsNamed({ entries, incarnations }: ClusterView): readonly number[] {
  return incarnations.map((_, store) =>
    Math.max(1, ...entries.map((entry) => memberOf(entry, store)?.incarnation ?? 0)),
  );
}

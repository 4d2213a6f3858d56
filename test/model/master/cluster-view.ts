import type { Entry } from "../replica/entry.js";

/** What is on record of a cluster. */
export interface ClusterView {
  readonly topologyVersion: number;
  /** By store. */
  readonly incarnations: readonly number[];
  /** The process that got the incarnation, by store: asking twice gives the same. */
  readonly processes: readonly number[];
  /** By partition. */
  readonly entries: readonly Entry[];
}

/** What a commit changes. */
export type ViewChange = Partial<Pick<ClusterView, "incarnations" | "processes" | "entries">>;

/** The view after a change: entries that differ carry the new topology version. */
export function withChange(view: ClusterView, change: ViewChange): ClusterView {
  const topologyVersion = view.topologyVersion + 1;
  const entries = change.entries?.map((entry, partition) =>
    entry === view.entries[partition] ? entry : { ...entry, topologyVersion },
  );
  return { ...view, ...change, entries: entries ?? view.entries, topologyVersion };
}

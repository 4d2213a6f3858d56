/** What a master said, in one line for each, as tests compare it. */
import type { Directive, MasterEffect } from "../../services/core/master/effects.js";
import type { PartitionEntry, Replica } from "../../services/core/topology.js";

function describeReplica(replica: Replica | undefined): string {
  return replica ? `${replica.storeId}#${replica.incarnation}` : "nobody";
}

/** `p2@3=store-1#1 +store-2#1 ?store-3#1`: primary, backups, learners. */
export function describeEntry(entry: PartitionEntry): string {
  return [
    `p${entry.partition}@${entry.epoch}=${describeReplica(entry.primary)}`,
    ...entry.backups.map((backup) => `+${describeReplica(backup)}`),
    ...entry.learners.map(({ replica }) => `?${describeReplica(replica)}`),
    ...(entry.halted ? ["halted"] : []),
  ].join(" ");
}

export function describeDelta({ delta }: Extract<MasterEffect, { kind: "publish" }>): string {
  const stores = delta.stores.map(
    (store) => `${store.storeId}#${store.incarnation} ${store.state}${store.alive ? "" : " dead"}`,
  );
  const removed = delta.removedStoreIds.map((storeId) => `-${storeId}`);
  return [`v${delta.version}`, ...stores, ...removed, ...delta.partitions.map(describeEntry)].join(", ");
}

export function describeDirective(directive: Directive): string {
  if (directive.kind === "shutdown" || directive.kind === "stay") return directive.kind;
  if (directive.kind === "delete-stray")
    return `${directive.kind} p${directive.partition}@${directive.epoch}`;
  const { kind, moveId, partition, epoch } = directive;
  const target = kind === "start-copy" ? ` to ${describeReplica(directive.target)}` : "";
  return `${kind} ${moveId} p${partition}@${epoch}${target}`;
}

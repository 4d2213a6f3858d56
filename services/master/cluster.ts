import { EkvError } from "../core/errors.js";
import { brandAs, type ClusterId, type Term } from "../core/ids.js";
import { clusterChange, readCluster, readTerm, termChange } from "../core/master/state/persistence.js";
import type { ClusterRecord } from "../core/master/state/records.js";
import type { Clock } from "../core/ports/clock.js";
import type { PlacementName } from "../core/placement/policy.js";
import type { MetadataChange, MetadataStore } from "../core/ports/metadata-store.js";
import { formatNoun } from "../core/noun-count.js";
import type { Random } from "../core/ports/random.js";

/** What a master is to open. */
export interface ClusterOptions {
  /** Make a new cluster; there must be none. */
  readonly create: boolean;
  /** Make a new cluster if there is none; else go on with the one there is. */
  readonly createIfMissing: boolean;
  /** Of a new cluster. */
  readonly partitionCount: number;
  /** Whether the partition count was asked for, rather than a default: then an existing cluster must have it. */
  readonly partitionCountGiven: boolean;
  /** Of a new cluster, and of one whose record does not tell. */
  readonly placement: PlacementName;
  /** Whether the placement was asked for: then an existing cluster must have it. */
  readonly placementGiven: boolean;
  /** The folder, for messages. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** Which cluster a master's folder holds, what to do about a mismatch, and the records of a new one. */
export function planCluster(
  snapshot: ReadonlyMap<string, string>,
  options: ClusterOptions,
): { readonly cluster: ClusterRecord; readonly changes: readonly MetadataChange[] } {
  const { create, createIfMissing, partitionCount, placement, folder, clock, random } = options;
  const found = readCluster(snapshot);
  if (found === undefined) {
    if (!create && !createIfMissing) {
      throw new EkvError(
        "FAILED_PRECONDITION",
        `${folder} holds no cluster: give --create to make a new one there, or --data with the folder of an ` +
          "existing one (a master without its records would take its stores' data for leftovers)",
      );
    }
    const clusterId = brandAs<ClusterId>(random.hex(8));
    const cluster = { clusterId, partitionCount, placement, createdAtMs: clock.wallMs() };
    return { cluster, changes: [clusterChange(cluster), termChange(brandAs<Term>(1))] };
  }
  if (create) {
    throw new EkvError(
      "FAILED_PRECONDITION",
      `${folder} holds cluster ${found.clusterId} already: leave --create out to run it, or choose another --data`,
    );
  }
  if (options.partitionCountGiven && found.partitionCount !== partitionCount) {
    throw new EkvError(
      "FAILED_PRECONDITION",
      `cluster ${found.clusterId} in ${folder} has ${formatNoun(found.partitionCount, "partition")}, fixed when it was created: ` +
        `leave --partitions ${partitionCount} out`,
    );
  }
  const term = termChange(brandAs<Term>(readTerm(snapshot) + 1));
  if (found.placement === undefined) {
    const cluster = { ...found, placement };
    return { cluster, changes: [clusterChange(cluster), term] };
  }
  if (options.placementGiven && found.placement !== placement) {
    throw new EkvError(
      "FAILED_PRECONDITION",
      `cluster ${found.clusterId} in ${folder} was created with --placement ${found.placement}, and ` +
        `--placement ${placement} was given: leave --placement out`,
    );
  }
  return { cluster: found, changes: [term] };
}

/** A cluster as it is recorded. */
export interface OpenedCluster {
  readonly cluster: ClusterRecord;
  readonly snapshot: ReadonlyMap<string, string>;
  /** Why there is no new term, and nothing may be decided: the disk is full. */
  readonly full?: EkvError;
}

/**
 * Opens or creates the cluster, under a term that no master had before, and returns everything recorded. On a full disk
 * an existing cluster is opened as it is; a new one rejects with `RESOURCE_EXHAUSTED`.
 */
export async function openCluster(metadata: MetadataStore, options: ClusterOptions): Promise<OpenedCluster> {
  const snapshot = new Map(await metadata.load());
  const { cluster, changes } = planCluster(snapshot, options);
  try {
    await metadata.commit(changes);
  } catch (error) {
    const isFull = error instanceof EkvError && error.code === "RESOURCE_EXHAUSTED";
    if (!isFull || readCluster(snapshot) === undefined) throw error;
    return { cluster, snapshot, full: error };
  }
  for (const { key, value } of changes) if (value !== undefined) snapshot.set(key, value);
  return { cluster, snapshot };
}

/** Everything recorded, after a new term was if one is wanted. */
export async function reloadCluster(
  metadata: MetadataStore,
  newTerm: boolean,
): Promise<ReadonlyMap<string, string>> {
  const snapshot = new Map(await metadata.load());
  if (!newTerm) return snapshot;
  const { key, value } = termChange(brandAs<Term>(readTerm(snapshot) + 1));
  await metadata.commit([{ key, value }]);
  return value === undefined ? snapshot : snapshot.set(key, value);
}

import type {
  ClusterId,
  Epoch,
  Incarnation,
  MoveId,
  PartitionId,
  StoreId,
  Term,
  TopologyVersion,
} from "./ids.js";

/** A key's version, and a write's identity: the primary's epoch and the partition's seq. Ordered, epoch first. */
export interface Version {
  readonly epoch: Epoch;
  readonly seq: number;
}

/** Negative, zero or positive as `a` is older than, the same as or newer than `b`. */
export function compareVersions(a: Version, b: Version): number {
  return a.epoch - b.epoch || a.seq - b.seq;
}

/** One run of one store process. */
export interface Replica {
  readonly storeId: StoreId;
  readonly incarnation: Incarnation;
}

/** A replica that is still copying. */
export interface Learner {
  readonly replica: Replica;
  readonly moveId: MoveId;
}

/** Who holds one partition; committed by the master, ordered by epoch. */
export interface PartitionEntry {
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  /** Undefined while the partition is unassigned. */
  readonly primary: Replica | undefined;
  readonly backups: readonly Replica[];
  readonly learners: readonly Learner[];
  /** Two different entries of one epoch were seen: nobody serves it. */
  readonly halted: boolean;
}

/** `joining`: holds no share yet; `active`: takes its share; `draining`: gives its share away. */
export type StoreState = "joining" | "active" | "draining";

/** A store as clients and stores need to know it. */
export interface StoreEndpoint {
  readonly storeId: StoreId;
  readonly incarnation: Incarnation;
  /** host:port. */
  readonly address: string;
  readonly alive: boolean;
  readonly state: StoreState;
}

/** The whole topology at one version. */
export interface Topology {
  readonly clusterId: ClusterId;
  readonly partitionCount: number;
  readonly version: TopologyVersion;
  readonly term: Term;
  readonly stores: readonly StoreEndpoint[];
  /** Index = partition id. */
  readonly partitions: readonly PartitionEntry[];
}

/** What changed between two versions. */
export interface TopologyDelta {
  readonly fromVersion: TopologyVersion;
  readonly version: TopologyVersion;
  readonly term: Term;
  readonly stores: readonly StoreEndpoint[];
  readonly removedStoreIds: readonly StoreId[];
  readonly partitions: readonly PartitionEntry[];
}

/** Whether two replicas are the same run of the same store. */
export function sameReplica(a: Replica | undefined, b: Replica | undefined): boolean {
  return a?.storeId === b?.storeId && a?.incarnation === b?.incarnation;
}

/** Whether an entry gives a store a role, in whichever of its runs: primary, backup or learner. */
export function hasRole({ primary, backups, learners }: PartitionEntry, storeId: StoreId): boolean {
  return (
    primary?.storeId === storeId ||
    backups.some((backup) => backup.storeId === storeId) ||
    learners.some(({ replica }) => replica.storeId === storeId)
  );
}

/** Whether two entries of one partition say the same. */
export function sameEntry(a: PartitionEntry, b: PartitionEntry): boolean {
  return (
    a.epoch === b.epoch &&
    a.halted === b.halted &&
    sameReplica(a.primary, b.primary) &&
    a.backups.length === b.backups.length &&
    a.backups.every((backup, i) => sameReplica(backup, b.backups[i])) &&
    a.learners.length === b.learners.length &&
    a.learners.every(
      (learner, i) =>
        learner.moveId === b.learners[i]?.moveId && sameReplica(learner.replica, b.learners[i]?.replica),
    )
  );
}

/** The topology after a delta, or undefined when the delta is for another version (ask for a snapshot). */
export function applyDelta(topology: Topology, delta: TopologyDelta): Topology | undefined {
  if (delta.fromVersion !== topology.version) return undefined;
  const stores = new Map(topology.stores.map((store) => [store.storeId, store]));
  for (const id of delta.removedStoreIds) stores.delete(id);
  for (const store of delta.stores) stores.set(store.storeId, store);
  const partitions = topology.partitions.slice();
  for (const entry of delta.partitions) partitions[entry.partition] = entry;
  return {
    ...topology,
    version: delta.version,
    term: delta.term,
    stores: [...stores.values()].sort((a, b) => (a.storeId < b.storeId ? -1 : 1)),
    partitions,
  };
}

/** Changes of a partition's replica set. Each keeps the members that it does not name. */
import { brandAs, type Epoch, type StoreId } from "../../ids.js";
import { type Learner, type PartitionEntry, type Replica, sameReplica } from "../../topology.js";

/** The members of an entry that change. */
export type MemberChange = Partial<Pick<PartitionEntry, "primary" | "backups" | "learners">>;

/** The next entry of a partition, one epoch on. Members that `change` leaves out stay. */
export function succeedEntry(entry: PartitionEntry, change: MemberChange): PartitionEntry {
  return { ...entry, ...change, epoch: brandAs<Epoch>(entry.epoch + 1) };
}

/** The backups and learners of an entry, but those on one store. */
export function othersThan(
  { backups, learners }: PartitionEntry,
  storeId: StoreId,
): { readonly backups: readonly Replica[]; readonly learners: readonly Learner[] } {
  return {
    backups: backups.filter((backup) => backup.storeId !== storeId),
    learners: learners.filter(({ replica }) => replica.storeId !== storeId),
  };
}

/** The entry that takes a move back: `primary` leads, and the move's target is no replica. */
export function revertEntry(entry: PartitionEntry, primary: Replica, targetId: StoreId): PartitionEntry {
  const { backups, learners } = othersThan(entry, targetId);
  return succeedEntry(entry, {
    primary,
    backups: backups.filter(({ storeId }) => storeId !== primary.storeId),
    learners,
  });
}

/** Whether this run of a store is the primary or a backup. */
export function isMember(entry: PartitionEntry, replica: Replica): boolean {
  return sameReplica(entry.primary, replica) || entry.backups.some((backup) => sameReplica(backup, replica));
}

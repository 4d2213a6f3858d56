/** The identifiers and counters of the system. Branded, so that one cannot stand in for another. */

declare const brand: unique symbol;
type Brand<T, B extends string> = T & { readonly [brand]: B };

/** Name of a store: 1 to 63 characters of a-z, 0-9 and '-', not beginning or ending with '-'. */
export type StoreId = Brand<string, "StoreId">;
/** Index of a partition on the ring, from 0. */
export type PartitionId = Brand<number, "PartitionId">;
/** Per partition; grows by one at every change of its primary or backups. 0: never assigned. */
export type Epoch = Brand<number, "Epoch">;
/** Of a store process; issued by the master at registration, from 1. */
export type Incarnation = Brand<number, "Incarnation">;
/** Names one copy of a partition's data on one disk. */
export type Generation = Brand<number, "Generation">;
/** Grows at every change of any partition or store. */
export type TopologyVersion = Brand<number, "TopologyVersion">;
/** Of a master's leadership; a later master has a higher one. */
export type Term = Brand<number, "Term">;
/** Names a move, for ever. */
export type MoveId = Brand<string, "MoveId">;
/** Names an operation, for ever. */
export type OperationId = Brand<string, "OperationId">;
/** Names a cluster, for ever. */
export type ClusterId = Brand<string, "ClusterId">;

/** Casts a checked plain value to its branded type: `brandAs<Epoch>(3)`. */
export function brandAs<T extends Brand<string | number, string>>(
  value: T extends string ? string : number,
): T {
  return value as unknown as T;
}

const storeIdPattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whether a text may name a store. */
export function isStoreId(text: string): text is StoreId {
  return storeIdPattern.test(text);
}

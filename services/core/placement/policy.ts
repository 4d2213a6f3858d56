import type { PartitionId, StoreId } from "../ids.js";

/** A store as placement sees it. */
export interface PlacementStore {
  readonly storeId: StoreId;
  /** Share of the ring relative to the others; above 0. */
  readonly weight: number;
  /** `draining` stores end with nothing. */
  readonly state: "active" | "draining";
  readonly keys: number;
}

/** What a policy decides on. */
export interface PlacementInput {
  /** Index = partition; undefined: unassigned. */
  readonly owners: readonly (StoreId | undefined)[];
  readonly stores: readonly PlacementStore[];
}

/** One partition that changes its owner. */
export interface PlacementMove {
  readonly partition: PartitionId;
  readonly source: StoreId;
  readonly target: StoreId;
}

/** What a policy decided. */
export interface PlacementPlan {
  /** Owners of partitions that have none: no data moves. */
  readonly assignments: readonly { readonly partition: PartitionId; readonly target: StoreId }[];
  readonly moves: readonly PlacementMove[];
  /** The fewest moves that would balance the stores, for comparison. */
  readonly movesMinimum: number;
}

/** How partitions are spread over stores. */
export type PlacementName = "balanced" | "contiguous";

/**
 * Why placement is asked. `membership`: a store came or leaves. `even-out`: the stores stay, and their shares become even;
 * under `balanced` they do that at every change.
 */
export type PlacementGoal = "membership" | "even-out";

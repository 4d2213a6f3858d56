import type { StoreId } from "../ids.js";

/** What a master is told at its start. */
export interface MasterOptions {
  readonly placement: "balanced" | "contiguous";
  /** Stores that have to register before the ring is assigned for the first time. */
  readonly initialStores: number;
  /** Whether a store that registers unasked gets its share. */
  readonly autoJoin: boolean;
  /** Whether there is a launcher that starts stores. */
  readonly launches: boolean;
  /**
   * Whether stores are run by something that the launcher only scales, as a StatefulSet runs its pods: it starts them, also
   * the first ones, starts them again, and stops them. Every store is its own, whoever asked for it.
   */
  readonly scaled: boolean;
  /** Whether the launcher starts the first stores of a new cluster too. */
  readonly launchesInitial: boolean;
  /** Silence after which a store counts as dead. */
  readonly suspectAfterMs: number;
  /** Moves that copy or hand over at a time. */
  readonly movesInFlightMax: number;
  /** Of those, as source or target of one store. */
  readonly movesPerStoreMax: number;
  /** Hand-offs at a time as source or target of one store: calls of their partitions wait meanwhile. */
  readonly handoffsPerStoreMax: number;
  /** Refused copies of one partition after which its operation fails. */
  readonly moveAttemptsMax: number;
}

/** Fixed times and sizes of the master's machine. */
export const masterLimits = {
  /** An order that no report mentions for this long is sent again. */
  directiveRepeatMs: 2000,
  /** An emptied store that was told to stop is removed after this, stopped or not. */
  leaveTimeoutMs: 30_000,
  /** A store that came unasked, owns nothing and is silent for this long is forgotten. */
  newcomerPatienceMs: 60_000,
  /** How long the refusal of another process under a live store's name is shown. */
  refusalShownMs: 60_000,
  /** Wishes to leave that come within this of each other are taken together: is the whole cluster being stopped? */
  leaveSettleMs: 1000,
  /** Finished operations that are kept. */
  finishedOperationsMax: 200,
  /** Highest weight of a store. */
  weightMax: 1000,
} as const;

/** How new stores are named: `<prefix>-<number>`, from `first` on. */
export interface StoreNaming {
  readonly prefix: string;
  readonly first: number;
}

/** The names of stores where nothing else is said: `store-1`, `store-2`, … */
export const storeNaming: StoreNaming = { prefix: "store", first: 1 };

/** The name of the store with this number. */
export function storeName(prefix: string, number: number): StoreId {
  return `${prefix}-${number}` as string as StoreId;
}

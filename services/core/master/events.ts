/** What happens to the master's machine. */
import type { EkvError } from "../errors.js";
import type {
  ClusterId,
  Epoch,
  Generation,
  Incarnation,
  MoveId,
  OperationId,
  PartitionId,
  StoreId,
  TopologyVersion,
} from "../ids.js";
import type { PartitionEntry } from "../topology.js";
import type { StoreNaming } from "./options.js";

/** What a store says of itself when it registers. */
export interface Registration {
  readonly storeId: string;
  /** Undefined on a store's first start. */
  readonly clusterId: ClusterId | undefined;
  /** Undefined on a store's first start. */
  readonly partitionCount: number | undefined;
  /** host:port. */
  readonly address: string;
  /** Share of the ring relative to other stores, from 1. */
  readonly weight: number;
  /** Random, chosen by the process at its start. */
  readonly processId: string;
  /** The store may come back without the data it held, or with an older state of it. */
  readonly dataLossAccepted: boolean;
  readonly held: readonly HeldReplica[];
  /** The newest topology version whose entries, of what the store owns, its disk holds; 0: none. */
  readonly storedVersion: TopologyVersion;
  /** The moves to this store whose complete copy its disk holds and has not made live. */
  readonly completeMoves: readonly MoveId[];
  /** Where it keeps data, and what its acknowledged writes survive. Undefined: it does not say. */
  readonly engine?: string | undefined;
  readonly durability?: string | undefined;
}

/** A live copy on a store's disk. */
export interface HeldReplica {
  /** The newest entry that the store saw. */
  readonly entry: PartitionEntry;
  readonly keys: number;
  readonly bytes: number;
}

/** A live copy on a store's disk of a partition in which the newest entry that it saw gives it no role. */
export interface StrayReplica {
  readonly partition: PartitionId;
  /** Of that entry. */
  readonly epoch: Epoch;
  readonly generation: Generation;
}

/** Load of one partition at its primary. */
export interface PartitionLoad {
  readonly partition: PartitionId;
  readonly keys: number;
  readonly bytes: number;
}

/** Load of a store since its last report. */
export interface StoreLoad {
  readonly keys: number;
  readonly bytes: number;
  readonly readsPerSecond: number;
  readonly writesPerSecond: number;
  readonly eventLoopDelayP99Ms: number;
  readonly residentBytes: number;
  /** How long the oldest key whose time to live is over has been waiting to be deleted; 0: none does. */
  readonly expiryLagMs: number;
  readonly partitions: readonly PartitionLoad[];
}

/** What a store says of a move. */
export interface MoveReport {
  readonly moveId: MoveId;
  readonly partition: PartitionId;
  /** The partition's epoch at which this was true. */
  readonly epoch: Epoch;
  readonly state:
    | { readonly kind: "copying" | "ready"; readonly keys: number; readonly bytes: number }
    | { readonly kind: "released"; readonly generation: Generation }
    /** `pauseMs`: how long the hand-off made calls wait; undefined when the source cannot tell. */
    | { readonly kind: "deleted"; readonly generation: Generation; readonly pauseMs?: number | undefined }
    | { readonly kind: "nack"; readonly reason: string };
}

/** What an operator asks for. */
export type AdminRequest =
  | {
      readonly kind: "add-store";
      /** Undefined: a store that waits for its share, else a new one under the next free name. */
      readonly storeId: string | undefined;
      /** How a new one is named. Default: `store-1`, `store-2`, … */
      readonly naming?: StoreNaming;
      readonly dryRun: boolean;
    }
  | {
      readonly kind: "remove-store";
      readonly storeId: string;
      readonly purge: boolean;
      readonly dryRun: boolean;
      /** The store asked for it as it is being stopped: when it comes back, its removal is cancelled. Default false. */
      readonly ownWish?: boolean;
    }
  | { readonly kind: "rebalance"; readonly dryRun: boolean }
  | { readonly kind: "cancel" | "pause" | "resume"; readonly operationId: OperationId };

/** One thing that happened. `requestId` and `streamId` are the driver's, unique while it runs. */
export type MasterEvent =
  /** The launcher said what runs. The first event after a start when there is a launcher. */
  | { readonly kind: "launcher-listed"; readonly running: readonly StoreId[] }
  | { readonly kind: "register"; readonly requestId: number; readonly registration: Registration }
  | {
      readonly kind: "stream-opened";
      readonly streamId: number;
      readonly clusterId: ClusterId;
      readonly storeId: StoreId;
      readonly incarnation: Incarnation;
    }
  | {
      readonly kind: "heartbeat";
      readonly streamId: number;
      readonly storeId: StoreId;
      readonly appliedVersion: TopologyVersion;
      /** With the periodic heartbeats. */
      readonly load: StoreLoad | undefined;
      readonly reports: readonly MoveReport[];
      /** With the periodic heartbeats. */
      readonly strays: readonly StrayReplica[];
      /** The store is being stopped for good and asks to be emptied. */
      readonly leaving: boolean;
      /** What is wrong at the store, for operators; with the periodic heartbeats. */
      readonly problems?: readonly string[] | undefined;
    }
  | { readonly kind: "stream-closed"; readonly streamId: number; readonly storeId: StoreId }
  | {
      readonly kind: "probed";
      readonly storeId: StoreId;
      readonly incarnation: Incarnation;
      readonly reachable: boolean;
    }
  | { readonly kind: "launched"; readonly storeId: StoreId; readonly error: EkvError | undefined }
  | { readonly kind: "launched-removed"; readonly storeId: StoreId; readonly error: EkvError | undefined }
  | { readonly kind: "admin"; readonly requestId: number; readonly request: AdminRequest }
  | { readonly kind: "tick" };

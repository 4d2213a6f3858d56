/** What the master keeps for ever: the values behind the keys of its metadata store. */
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
} from "../../ids.js";
import type { PlacementName } from "../../placement/policy.js";
import type { PauseHistogram } from "../../pause-histogram.js";
import type { Replica, StoreState } from "../../topology.js";

/** A cluster, fixed at its creation. */
export interface ClusterRecord {
  readonly clusterId: ClusterId;
  /** A power of two. */
  readonly partitionCount: number;
  /** How the ring is shared out. Undefined in records of former versions, until the first start of this one. */
  readonly placement?: PlacementName | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly createdAtMs: number;
}

/** What was handed out last, so that nothing is handed out twice. */
export interface Counters {
  readonly topologyVersion: TopologyVersion;
  readonly operations: number;
  readonly moves: number;
}

/** A store as the master remembers it over restarts. */
export interface StoreRecord {
  readonly storeId: StoreId;
  readonly state: StoreState;
  /** Share of the ring relative to other stores, from 1. */
  readonly weight: number;
  /** Whether this master launches it again when it does not run. */
  readonly launched: boolean;
  /** Undefined until it registers for the first time. */
  readonly registration: StoreRegistration | undefined;
  /** What it owns was last given to it, or to its present run, at this version; undefined once it has confirmed that. */
  readonly pendingVersion?: TopologyVersion | undefined;
  /** Its disk holds what it owned at this version: it has said so. Undefined before the first time. */
  readonly confirmedVersion?: TopologyVersion | undefined;
  /** As it registered last. Records of former versions have none. */
  readonly engine?: string | undefined;
  readonly durability?: string | undefined;
  /** When it last came back without the keys it held, because that was accepted. Undefined: never. */
  readonly dataLoss?: DataLoss | undefined;
}

/** A store came back without its keys. */
export interface DataLoss {
  /** Unix milliseconds. */
  readonly atMs: number;
  /** Keys that it was known to hold; 0: not known. */
  readonly keys: number;
}

/** The last registration of a store. */
export interface StoreRegistration {
  readonly incarnation: Incarnation;
  readonly processId: string;
  /** It has registered with the cluster's id, so its disk holds what it is given; without, it has lost that. */
  readonly hasIdentity: boolean;
  /** host:port. */
  readonly address: string;
  /** False once its heartbeats stopped. */
  readonly alive: boolean;
}

/** A replica that does not hold the partition yet gets a copy of it from the primary. */
export interface AddLearner {
  readonly kind: "add-learner";
  /** The primary. */
  readonly copier: Replica;
  readonly target: Replica;
}

/** A backup becomes the primary. The former one stays as a backup, unless it leaves. */
export interface TransferPrimary {
  readonly kind: "transfer-primary";
  /** The primary until then. */
  readonly copier: Replica;
  readonly target: Replica;
  readonly leaves: boolean;
}

/** A store stops being a replica, and deletes its copy. */
export interface RemoveReplica {
  readonly kind: "remove-replica";
  readonly storeId: StoreId;
  /** Its copy; undefined: nobody has said which it is. */
  readonly generation: Generation | undefined;
}

/**
 * Where a move is: `planned`, or at the step whose work a store is doing. `add-learner` and `transfer-primary` can be
 * rolled back; `remove-replica` only goes forward. A move that is done or failed is a number in its operation, and no
 * record.
 */
export type MoveStep =
  | { readonly kind: "planned" }
  | ((AddLearner | TransferPrimary) & {
      /** Of the partition, since this step began. */
      readonly epoch: Epoch;
    })
  | (RemoveReplica & {
      /** Of the partition, since this step began. Records of former versions have none. */
      readonly epoch?: Epoch | undefined;
      /** The target has to apply this version before the copy is deleted. */
      readonly committedVersion: TopologyVersion;
    });

/**
 * A change of one partition's replicas: `target` becomes one. With `leads` it becomes the primary, and `leavingId` stops
 * being a replica.
 */
export interface MoveRecord {
  readonly id: MoveId;
  readonly operationId: OperationId;
  readonly partition: PartitionId;
  /** The primary, which copies. */
  readonly copierId: StoreId;
  readonly targetId: StoreId;
  /** Undefined: no replica leaves. */
  readonly leavingId: StoreId | undefined;
  readonly leads: boolean;
  /** As planned; as copied once the copy is complete. */
  readonly keys: number;
  readonly bytes: number;
  /** Copies that were refused. */
  readonly attempts: number;
  readonly step: MoveStep;
}

/** What was asked for. */
export type OperationTask =
  | { readonly kind: "add-store"; readonly storeId: StoreId }
  | {
      readonly kind: "remove-store";
      readonly storeId: StoreId;
      readonly purge: boolean;
      /** The store asked for it as it was being stopped. Default false. */
      readonly ownWish?: boolean;
    }
  | { readonly kind: "rebalance" };

/**
 * Where an operation is. `moving` makes its moves, `paused` begins none, `ending` begins none and finishes with
 * `outcome` when those under way are over, `leaving` waits for its emptied store to be gone and then finishes.
 */
export type OperationStage =
  | { readonly kind: "pending" }
  | { readonly kind: "moving" | "paused"; readonly startedAtMs: number }
  | { readonly kind: "ending"; readonly startedAtMs: number; readonly outcome: "failed" | "cancelled" }
  | {
      readonly kind: "leaving";
      /** Undefined when it never started. */
      readonly startedAtMs: number | undefined;
      readonly outcome: "succeeded" | "cancelled";
    }
  | {
      readonly kind: "finished";
      readonly outcome: OperationOutcome;
      /** Undefined when it never started. */
      readonly startedAtMs: number | undefined;
      readonly finishedAtMs: number;
    };

/** How an operation ended. */
export type OperationOutcome = "succeeded" | "failed" | "cancelled";

/** What an operator, or the master itself, asked of the cluster. Times are Unix milliseconds. */
export interface OperationRecord {
  readonly id: OperationId;
  readonly task: OperationTask;
  readonly stage: OperationStage;
  readonly createdAtMs: number;
  readonly movesTotal: number;
  readonly movesDone: number;
  readonly movesFailed: number;
  /** The fewest partitions that had to move. */
  readonly movesMinimum: number;
  readonly keysTotal: number;
  /** Of the moves whose leadership was transferred. */
  readonly keysMoved: number;
  readonly bytesTotal: number;
  readonly bytesMoved: number;
  /** Of the hand-offs of the moves done; missing before the first. */
  readonly pauses?: PauseHistogram;
  /** What it waits for or why it failed; empty when there is nothing to say. */
  readonly message: string;
}

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
} from "../ids.js";
import type { PlacementName } from "../placement/policy.js";
import type { PauseHistogram } from "../pause-histogram.js";
import type { Replica, StoreState } from "../topology.js";

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

/**
 * The steps of a move. `copying` and `replica-added` can be rolled back; `leadership-transferred` only goes forward.
 * A move that is done or failed is a number in its operation, and no record.
 */
export type MoveStep =
  | { readonly kind: "planned" }
  | {
      readonly kind: "copying" | "replica-added";
      /** Of the partition, since this step began. */
      readonly epoch: Epoch;
      readonly source: Replica;
      readonly target: Replica;
    }
  | {
      readonly kind: "leadership-transferred";
      /** The copy that the source has to delete. */
      readonly generation: Generation;
      /** Of the partition, from which on the target owns it. Records of former versions have none. */
      readonly epoch?: Epoch;
      /** The target has to apply this version before the source deletes. */
      readonly committedVersion: TopologyVersion;
    };

/** One partition going from one store to another. */
export interface MoveRecord {
  readonly id: MoveId;
  readonly operationId: OperationId;
  readonly partition: PartitionId;
  readonly sourceId: StoreId;
  readonly targetId: StoreId;
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

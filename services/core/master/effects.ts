/** What the master's machine asks its driver to do once the changes of the same step are committed. */
import type { EkvError } from "../errors.js";
import type { Epoch, Generation, Incarnation, MoveId, OperationId, PartitionId, StoreId } from "../ids.js";
import type { MetadataChange } from "../ports/metadata-store.js";
import type { Replica, TopologyDelta } from "../topology.js";
import type { StrayReplica } from "./events.js";
import type { MoveRecord, OperationRecord } from "./state/records.js";

/** An order to a store; carrying it out twice is harmless. */
export type Directive =
  | {
      readonly kind: "start-copy";
      readonly moveId: MoveId;
      readonly partition: PartitionId;
      readonly epoch: Epoch;
      readonly target: Replica;
      readonly targetAddress: string;
    }
  | {
      readonly kind: "transfer-leadership";
      readonly moveId: MoveId;
      readonly partition: PartitionId;
      readonly epoch: Epoch;
    }
  | {
      readonly kind: "delete-replica";
      readonly moveId: MoveId;
      readonly partition: PartitionId;
      readonly epoch: Epoch;
      readonly generation: Generation;
    }
  /** No move leaves this copy behind. */
  | ({ readonly kind: "delete-stray" } & StrayReplica)
  | { readonly kind: "shutdown" }
  /** The store asked to be emptied and will not be: it may stop with its data. */
  | { readonly kind: "stay"; readonly reason: string };

/** One move of a plan. */
export interface PlannedMove {
  readonly partition: PartitionId;
  readonly sourceId: StoreId;
  readonly targetId: StoreId;
  readonly keys: number;
  readonly bytes: number;
}

/** What an operation would do. */
export interface OperationPlan {
  readonly moves: readonly PlannedMove[];
  /** The fewest partitions that have to move. */
  readonly movesMinimum: number;
}

/** What a request is answered with. */
export type MasterReply =
  | { readonly kind: "registered"; readonly incarnation: Incarnation }
  | { readonly kind: "operation"; readonly operationId: OperationId }
  | { readonly kind: "plan"; readonly plan: OperationPlan }
  | { readonly kind: "refused"; readonly error: EkvError };

/** One thing to do. */
export type MasterEffect =
  /** Apply it to the committed view and push it to every watcher. */
  | { readonly kind: "publish"; readonly delta: TopologyDelta }
  /** Apply it to the committed view and tell the operations' watchers. */
  | { readonly kind: "operations-changed"; readonly change: OperationsChange }
  | { readonly kind: "reply"; readonly requestId: number; readonly reply: MasterReply }
  /** Send the stream a snapshot of the committed topology, and every later change. */
  | { readonly kind: "open-stream"; readonly streamId: number; readonly storeId: StoreId }
  | { readonly kind: "end-stream"; readonly streamId: number; readonly error: EkvError }
  | { readonly kind: "send"; readonly streamId: number; readonly directive: Directive }
  | { readonly kind: "launch"; readonly storeId: StoreId }
  | { readonly kind: "remove-launched"; readonly storeId: StoreId; readonly purge: boolean }
  | {
      readonly kind: "probe";
      readonly storeId: StoreId;
      readonly incarnation: Incarnation;
      readonly address: string;
    }
  | { readonly kind: "notice"; readonly notice: Notice };

/** What changed of operations and moves. */
export interface OperationsChange {
  readonly operations: readonly OperationRecord[];
  readonly forgottenOperations: readonly OperationId[];
  readonly moves: readonly MoveRecord[];
  readonly endedMoves: readonly MoveRecord[];
  /** Keys and bytes that a copy under way has sent so far. */
  readonly progress: readonly MoveProgress[];
}

/** How far the copy of one move is. */
export interface MoveProgress {
  readonly moveId: MoveId;
  readonly operationId: OperationId;
  readonly keys: number;
  readonly bytes: number;
}

/** Something an operator may want to read in the log. */
export interface Notice {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

/** What one step leads to: commit `changes`, in the order of the steps, and only then perform `effects`, in order. */
export interface MasterStep {
  readonly changes: readonly MetadataChange[];
  readonly effects: readonly MasterEffect[];
}

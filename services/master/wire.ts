/** The machine's events, orders and records to and from the generated messages. */
import { boundedText } from "../core/checks.js";
import { invalidArgument } from "../core/errors.js";
import {
  brandAs,
  type ClusterId,
  type Epoch,
  type Generation,
  type MoveId,
  type PartitionId,
  type TopologyVersion,
} from "../core/ids.js";
import { summarizePauses } from "../core/pause-histogram.js";
import type { OperationView } from "../core/master/state/committed-view.js";
import type { Directive, OperationPlan } from "../core/master/effects.js";
import type {
  HeldReplica,
  MoveReport,
  Registration,
  StoreLoad,
  StrayReplica,
} from "../core/master/events.js";
import { sourceOf } from "../core/master/operations/move-index.js";
import type { MoveRecord, MoveStep, OperationRecord, OperationTask } from "../core/master/state/records.js";
import * as wire from "../gen/elastickv/v1/master.js";
import { NackReason } from "../gen/elastickv/v1/migration.js";
import { entryFromWire, replicaToWire } from "../wire/topology.js";

/** Throws INVALID_ARGUMENT for a held partition without its entry. */
export function registrationFromWire(request: wire.RegisterRequest): Registration {
  return {
    storeId: request.storeId,
    clusterId: request.clusterId === "" ? undefined : brandAs<ClusterId>(request.clusterId),
    partitionCount: request.partitionCount === 0 ? undefined : request.partitionCount,
    address: request.address,
    weight: request.weight === 0 ? 1 : request.weight,
    processId: request.processId,
    dataLossAccepted: request.dataLossAccepted,
    held: request.held.map((held): HeldReplica => {
      if (held.entry === undefined) throw invalidArgument("held", "each needs its entry");
      return { entry: entryFromWire(held.entry), keys: held.keys, bytes: held.bytes };
    }),
    storedVersion: brandAs<TopologyVersion>(request.storedVersion),
    completeMoves: request.completeMoveIds.map((moveId) => brandAs<MoveId>(moveId)),
    engine: request.engine === "" ? undefined : request.engine,
    durability: request.durability === "" ? undefined : request.durability,
  };
}

export function loadFromWire(load: wire.StoreLoad): StoreLoad {
  return {
    ...load,
    partitions: load.partitions.map(({ partition, keys, bytes }) => ({
      partition: brandAs<PartitionId>(partition),
      keys,
      bytes,
    })),
  };
}

export function loadToWire(load: StoreLoad): wire.StoreLoad {
  return { ...load, partitions: load.partitions.map((partition) => ({ ...partition })) };
}

export function strayFromWire({ partition, epoch, generation }: wire.StrayReplica): StrayReplica {
  return {
    partition: brandAs<PartitionId>(partition),
    epoch: brandAs<Epoch>(epoch),
    generation: brandAs<Generation>(generation),
  };
}

/** Undefined for a report of a kind that is not known here. */
export function reportFromWire(report: wire.MoveReport): MoveReport | undefined {
  const state = reportStateFromWire(report.state);
  return (
    state && {
      moveId: brandAs<MoveId>(report.moveId),
      partition: brandAs<PartitionId>(report.partition),
      epoch: brandAs<Epoch>(report.epoch),
      state,
    }
  );
}

function reportStateFromWire(state: wire.MoveReport["state"]): MoveReport["state"] | undefined {
  switch (state?.$case) {
    case "copying":
    case "ready":
      return { kind: state.$case, keys: state.value.keys, bytes: state.value.bytes };
    case "released":
      return { kind: "released", generation: brandAs<Generation>(state.value.generation) };
    case "deleted": {
      const { generation, pauseMs } = state.value;
      // A histogram must not be spoiled by a store's nonsense.
      const isKnown = Number.isFinite(pauseMs) && pauseMs > 0;
      return {
        kind: "deleted",
        generation: brandAs<Generation>(generation),
        pauseMs: isKnown ? pauseMs : undefined,
      };
    }
    case "nack":
      return { kind: "nack", reason: nackText(state.value.reason, state.value.message) };
    case undefined:
      return undefined;
  }
}

const nackNames = new Map<number, string>(
  Object.entries(NackReason).flatMap(([name, value]) =>
    typeof value === "number" ? [[value, name.toLowerCase().replaceAll("_", " ")]] : [],
  ),
);

function nackText(reason: NackReason, message: string): string {
  const name = nackNames.get(reason) ?? "unknown reason";
  return message === "" ? name : `${name}: ${boundedText(message)}`;
}

/** @param rateBytesPerSecond what a source may send for all its moves together; 0: no limit */
export function directiveToWire(directive: Directive, rateBytesPerSecond: number): wire.Directive {
  if (directive.kind === "shutdown") {
    return { moveId: "", partition: 0, epoch: 0, action: { $case: "shutdown", value: {} } };
  }
  if (directive.kind === "stay") {
    const value = { reason: directive.reason };
    return { moveId: "", partition: 0, epoch: 0, action: { $case: "stay", value } };
  }
  if (directive.kind === "delete-stray") {
    const { partition, epoch, generation } = directive;
    return { moveId: "", partition, epoch, action: { $case: "deleteReplica", value: { generation } } };
  }
  const { moveId, partition, epoch } = directive;
  return { moveId, partition, epoch, action: actionToWire(directive, rateBytesPerSecond) };
}

function actionToWire(
  directive: Exclude<Directive, { kind: "shutdown" | "stay" | "delete-stray" }>,
  rateBytesPerSecond: number,
): wire.Directive["action"] {
  switch (directive.kind) {
    case "start-copy": {
      const target = replicaToWire(directive.target);
      return {
        $case: "startCopy",
        value: { target, targetAddress: directive.targetAddress, rateBytesPerSecond },
      };
    }
    case "transfer-leadership":
      return { $case: "transferLeadership", value: {} };
    case "delete-replica":
      return { $case: "deleteReplica", value: { generation: directive.generation } };
  }
}

export function planToWire(plan: OperationPlan): wire.Plan {
  return {
    moves: plan.moves.map((move) => ({
      partition: move.partition,
      sourceStoreId: move.sourceId,
      targetStoreId: move.targetId,
      keys: move.keys,
      bytes: move.bytes,
    })),
    keys: plan.moves.reduce((sum, { keys }) => sum + keys, 0),
    bytes: plan.moves.reduce((sum, { bytes }) => sum + bytes, 0),
    movesMinimum: plan.movesMinimum,
  };
}

const taskKinds: Readonly<Record<OperationTask["kind"], wire.OperationKind>> = {
  "add-store": wire.OperationKind.ADD_STORE,
  "remove-store": wire.OperationKind.REMOVE_STORE,
  rebalance: wire.OperationKind.REBALANCE,
};

const moveStates: Readonly<Record<MoveStep["kind"], wire.MoveState>> = {
  planned: wire.MoveState.PLANNED,
  "add-learner": wire.MoveState.COPYING,
  "transfer-primary": wire.MoveState.REPLICA_ADDED,
  "remove-replica": wire.MoveState.LEADERSHIP_TRANSFERRED,
};

function operationStateToWire({ stage }: OperationRecord): wire.OperationState {
  switch (stage.kind) {
    case "pending":
      return wire.OperationState.PENDING;
    case "moving":
      return wire.OperationState.RUNNING;
    case "paused":
      return wire.OperationState.PAUSED;
    case "ending":
    case "leaving":
      return stage.outcome === "cancelled" ? wire.OperationState.CANCELLING : wire.OperationState.RUNNING;
    case "finished":
      if (stage.outcome === "succeeded") return wire.OperationState.SUCCEEDED;
      return stage.outcome === "failed" ? wire.OperationState.FAILED : wire.OperationState.CANCELLED;
  }
}

export function operationToWire({ operation, moves, keysMoved, bytesMoved }: OperationView): wire.Operation {
  const { stage, task } = operation;
  return {
    id: operation.id,
    kind: taskKinds[task.kind],
    state: operationStateToWire(operation),
    storeId: task.kind === "rebalance" ? "" : task.storeId,
    createdAtMs: operation.createdAtMs,
    startedAtMs: stage.kind === "pending" ? 0 : (stage.startedAtMs ?? 0),
    finishedAtMs: stage.kind === "finished" ? stage.finishedAtMs : 0,
    movesTotal: operation.movesTotal,
    movesDone: operation.movesDone,
    movesFailed: operation.movesFailed,
    keysTotal: operation.keysTotal,
    keysMoved,
    bytesTotal: operation.bytesTotal,
    bytesMoved,
    message: operation.message,
    moves: moves.map(moveToWire),
    movesMinimum: operation.movesMinimum,
    pauses: operation.pauses && {
      ...summarizePauses(operation.pauses),
      buckets: operation.pauses.buckets.map((bucket) => ({ ...bucket })),
    },
  };
}

function moveToWire(move: MoveRecord): wire.Move {
  return {
    id: move.id,
    partition: move.partition,
    sourceStoreId: sourceOf(move),
    targetStoreId: move.targetId,
    state: moveStates[move.step.kind],
    keys: move.keys,
    bytes: move.bytes,
    attempts: move.attempts,
  };
}

/** Records as former versions wrote them. */
import type { Epoch, Generation, StoreId, TopologyVersion } from "../../ids.js";
import type { Replica } from "../../topology.js";
import type { MoveRecord, MoveStep } from "./records.js";

/** The steps of a {@link FormerMoveRecord}. */
export type FormerMoveStep =
  | { readonly kind: "planned" }
  | {
      readonly kind: "copying" | "replica-added";
      readonly epoch: Epoch;
      readonly source: Replica;
      readonly target: Replica;
    }
  | {
      readonly kind: "leadership-transferred";
      readonly generation: Generation;
      readonly epoch?: Epoch;
      readonly committedVersion: TopologyVersion;
    };

/** A move when every partition had one replica: `sourceId` copied it, handed it over and left. */
export interface FormerMoveRecord extends Omit<
  MoveRecord,
  "copierId" | "leavingId" | "leads" | "targetId" | "step"
> {
  readonly sourceId: StoreId;
  readonly targetId: StoreId;
  readonly step: FormerMoveStep;
}

/** A move's record, of this version or a former one. */
export function readMove(record: MoveRecord | FormerMoveRecord): MoveRecord {
  if (!("sourceId" in record)) return record;
  const { id, operationId, partition, sourceId, targetId, keys, bytes, attempts, step } = record;
  return {
    id,
    operationId,
    partition,
    copierId: sourceId,
    targetId,
    leavingId: sourceId,
    leads: true,
    keys,
    bytes,
    attempts,
    step: readStep(step, sourceId),
  };
}

function readStep(step: FormerMoveStep, sourceId: StoreId): MoveStep {
  switch (step.kind) {
    case "planned":
      return step;
    case "copying":
      return { kind: "add-learner", epoch: step.epoch, copier: step.source, target: step.target };
    case "replica-added": {
      const { epoch, source, target } = step;
      return { kind: "transfer-primary", epoch, copier: source, target, leaves: true };
    }
    case "leadership-transferred": {
      const { generation, epoch, committedVersion } = step;
      return { kind: "remove-replica", storeId: sourceId, generation, epoch, committedVersion };
    }
  }
}

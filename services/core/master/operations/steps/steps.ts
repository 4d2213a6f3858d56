/** The steps of moves: their rules by kind, and the lists of them that moves are. */
import type { Generation } from "../../../ids.js";
import type { Replica } from "../../../topology.js";
import type { MoveRecord } from "../../state/records.js";
import { addLearner } from "./add-learner.js";
import { promoteLearner } from "./promote-learner.js";
import { removeReplica } from "./remove-replica.js";
import type { Step, StepRules } from "./step.js";
import { transferPrimary } from "./transfer-primary.js";

type RulesByKind = { readonly [K in Step["kind"]]: StepRules<Extract<Step, { kind: K }>> };

const rules: RulesByKind = {
  "add-learner": addLearner,
  "promote-learner": promoteLearner,
  "transfer-primary": transferPrimary,
  "remove-replica": removeReplica,
};

/** How a step answers. */
export function rulesOf(step: Step): StepRules<Step> {
  return rules[step.kind];
}

/**
 * The steps of a move, in order.
 *
 * @param generation the copy that the leaving store has released; undefined while it has released none
 */
export function composeMove(
  { leads, leavingId }: Pick<MoveRecord, "leads" | "leavingId">,
  copier: Replica,
  target: Replica,
  generation?: Generation,
): readonly Step[] {
  const steps: Step[] = [
    { kind: "add-learner", copier, target },
    { kind: "promote-learner", target },
  ];
  if (leads) {
    steps.push({ kind: "transfer-primary", copier, target, leaves: leavingId === copier.storeId });
  }
  if (leavingId !== undefined) steps.push({ kind: "remove-replica", storeId: leavingId, generation });
  return steps;
}

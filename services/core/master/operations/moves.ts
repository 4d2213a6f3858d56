/** How moves go from step to step: what the master commits at each. */
import { assertInvariant } from "../../errors.js";
import type { StoreId } from "../../ids.js";
import { addPause, noPauses } from "../../pause-histogram.js";
import { type PartitionEntry, type Replica, sameReplica } from "../../topology.js";
import type { MoveReport } from "../events.js";
import { confirmHoldings } from "../membership/holdings.js";
import { sendOrder } from "./orders.js";
import { countMoved, failMove, rollBack } from "./rollback.js";
import type { Step, StepReport } from "./steps/step.js";
import { composeMove, rulesOf } from "./steps/steps.js";
import type { MoveRecord, MoveStep } from "../state/records.js";
import { type MasterState, replicaOf } from "../state/state.js";

type StandingStep = Exclude<MoveStep, { kind: "planned" }>;

/** Starts planned moves while there are free slots. */
export function startMoves(state: MasterState): void {
  state.queue.wake(state.nowMs);
  for (const operation of state.activeOperations()) {
    if (operation.stage.kind !== "moving") continue;
    while (state.moves.inFlight < state.options.movesInFlightMax) {
      const moveId = state.queue.take(operation.id, (copier, target) => mayStart(state, copier, target));
      const move = moveId && state.moves.get(moveId);
      if (!move) break;
      beginMove(state, move);
      if (state.operation(operation.id)?.stage.kind !== "moving") break;
    }
  }
}

function mayStart(state: MasterState, copier: StoreId, target: StoreId): boolean {
  const { movesPerStoreMax } = state.options;
  return (
    state.isAlive(copier) &&
    state.isAlive(target) &&
    state.moves.inFlightOfStore(copier) < movesPerStoreMax &&
    state.moves.inFlightOfStore(target) < movesPerStoreMax
  );
}

/** Orders hand-offs while few enough are under way. */
export function orderHandoffs(state: MasterState): void {
  const { handoffs, options } = state;
  const isFree = (storeId: StoreId): boolean =>
    state.isAlive(storeId) && handoffs.orderedOfStore(storeId) < options.handoffsPerStoreMax;
  for (const moveId of handoffs.take((copier, target) => isFree(copier) && isFree(target))) {
    const move = state.moves.get(moveId);
    if (move) sendOrder(state, move);
  }
}

function beginMove(state: MasterState, move: MoveRecord): void {
  const copier = state.store(move.copierId);
  const target = state.store(move.targetId);
  assertInvariant(copier !== undefined && target !== undefined, `${move.id} is between stores that exist`);
  const steps = composeMove(move, replicaOf(copier), replicaOf(target));
  const [first] = steps;
  assertInvariant(first !== undefined, `${move.id} has steps`);
  const validity = rulesOf(first).decideValidity(first, state.entry(move.partition), state.registrationOf);
  if (typeof validity === "object") failMove(state, move, validity.reason);
  else proceed(state, move, steps);
}

/** Goes on to the step that a store has to work for, and commits what the steps up to there change. */
function proceed(state: MasterState, move: MoveRecord, steps: readonly Step[], reported?: StepReport): void {
  let entry = state.entry(move.partition);
  let report = reported;
  for (const step of steps) {
    const rules = rulesOf(step);
    if (rules.commits === "before-work") entry = rules.nextEntry(step, entry, move.id);
    if (!rules.isDone(step, entry, report)) {
      placeEntry(state, entry);
      standAt(state, move, step);
      return;
    }
    if (rules.commits === "after-work") entry = rules.nextEntry(step, entry, move.id);
    // A report is of one step.
    report = undefined;
  }
  placeEntry(state, entry);
  completeMove(state, move, reported?.kind === "deleted" ? reported.pauseMs : undefined);
}

function placeEntry(state: MasterState, entry: PartitionEntry): void {
  if (entry !== state.entry(entry.partition)) state.setEntry(entry);
}

/** A store has to work for this step before the move goes on. */
function standAt(state: MasterState, move: MoveRecord, step: Step): void {
  assertInvariant(step.kind !== "promote-learner", "no store works for a promotion");
  const { epoch } = state.entry(move.partition);
  const isRemoval = step.kind === "remove-replica";
  const standing: MoveRecord = {
    ...move,
    step: isRemoval ? { ...step, epoch, committedVersion: state.nextVersion } : { ...step, epoch },
  };
  if (isRemoval) state.awaitTarget(standing);
  state.setMove(standing);
  sendOrder(state, standing);
}

/** What is left of a move that is under way, with the step that it is at. */
function stepsLeft(move: MoveRecord, step: StandingStep, report: StepReport): readonly Step[] {
  if (step.kind === "remove-replica") return [step];
  const generation = report.kind === "released" ? report.generation : undefined;
  const steps = composeMove(move, step.copier, step.target, generation);
  return steps.slice(steps.findIndex(({ kind }) => kind === step.kind));
}

/** What a store reports of a move. Stale reports change nothing. */
export function handleReport(state: MasterState, reporter: Replica, report: MoveReport): void {
  const move = state.moves.get(report.moveId);
  if (move === undefined || move.partition !== report.partition) return;
  const { step } = move;
  if (step.kind === "planned" || !isOfStep(step, reporter, report)) return;
  const said = report.state;
  if (said.kind === "nack") {
    if (step.kind !== "remove-replica") rollBack(state, move, { reason: said.reason, countsAsAttempt: true });
  } else if (!rulesOf(step).isDone(step, state.entry(move.partition), said)) noteWork(state, move, said);
  else {
    const copied = said.kind === "ready" ? adjustTotals(state, move, said.keys, said.bytes) : move;
    proceed(state, copied, stepsLeft(copied, step, said), said);
    if (said.kind === (move.leads ? "released" : "ready")) countMoved(state, copied, 1);
  }
}

/** RELEASE and READY hold for one epoch: whoever has a newer entry has taken them back. A deletion names its generation. */
function isOfStep(step: StandingStep, reporter: Replica, { epoch }: MoveReport): boolean {
  if (step.kind === "remove-replica") return reporter.storeId === step.storeId;
  return sameReplica(reporter, step.copier) && epoch === step.epoch;
}

/** A store is at work on the step of a move. */
function noteWork(state: MasterState, move: MoveRecord, said: StepReport): void {
  const { id: moveId, operationId, step } = move;
  if (step.kind === "add-learner" && said.kind === "copying") {
    state.orderedAtMs.set(moveId, state.nowMs);
    state.noteProgress({ moveId, operationId, keys: said.keys, bytes: said.bytes });
  }
  // A primary that still says READY at the new epoch has not heard that it should hand over.
  if (step.kind === "transfer-primary" && said.kind !== "ready") state.orderedAtMs.set(moveId, state.nowMs);
}

/** The copy's real size takes the place of the planned one. */
function adjustTotals(state: MasterState, move: MoveRecord, keys: number, bytes: number): MoveRecord {
  const operation = state.operation(move.operationId);
  if (operation !== undefined && (keys !== move.keys || bytes !== move.bytes)) {
    state.setOperation({
      ...operation,
      keysTotal: operation.keysTotal + keys - move.keys,
      bytesTotal: operation.bytesTotal + bytes - move.bytes,
    });
  }
  return { ...move, keys, bytes };
}

/**
 * A store has applied a version: that its disk holds what it was given is recorded, and only then the sources of what it
 * took over may delete.
 */
export function handleApplied(state: MasterState, storeId: StoreId): void {
  const { appliedVersion } = state.presence(storeId);
  const taken = [...(state.awaited.get(storeId) ?? [])].flatMap((moveId) => {
    const move = state.moves.get(moveId);
    if (move?.step.kind !== "remove-replica" || appliedVersion < move.step.committedVersion) return [];
    return [{ move, version: move.step.committedVersion }];
  });
  confirmHoldings(
    state,
    storeId,
    taken.map(({ version }) => version),
  );
  for (const { move } of taken) {
    state.awaited.get(storeId)?.delete(move.id);
    sendOrder(state, move);
  }
}

/** The target came back before it applied what it owns: its new entry is what it has to apply. */
export function awaitTargetAgain(state: MasterState, move: MoveRecord): void {
  if (move.step.kind !== "remove-replica") return;
  state.setMove({ ...move, step: { ...move.step, committedVersion: state.nextVersion } });
  state.awaitTarget(move);
}

/** All steps of a move are done, or the store that had to delete its copy is gone for good. */
export function completeMove(state: MasterState, move: MoveRecord, pauseMs?: number): void {
  state.endMove(move);
  const operation = state.operation(move.operationId);
  if (operation === undefined) return;
  const pauses = pauseMs === undefined ? {} : { pauses: addPause(operation.pauses ?? noPauses, pauseMs) };
  state.setOperation({ ...operation, movesDone: operation.movesDone + 1, ...pauses });
}

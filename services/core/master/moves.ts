/** The steps of moves: what the master commits, and orders, at each. */
import { assertInvariant } from "../errors.js";
import { brandAs, type Epoch, type Generation, type StoreId } from "../ids.js";
import { hashBytes } from "../hash.js";
import { backoffs } from "../limits.js";
import { addPause, noPauses } from "../pause-histogram.js";
import { decideBackoffMs } from "../retry/backoff.js";
import type { PartitionEntry, Replica } from "../topology.js";
import type { Directive } from "./effects.js";
import type { MoveReport } from "./events.js";
import { confirmHoldings } from "./holdings.js";
import { isInFlight } from "./move-index.js";
import { masterLimits } from "./options.js";
import type { MoveRecord, MoveStep } from "./records.js";
import { type MasterState, replicaOf } from "./state.js";

type RollableStep = Extract<MoveStep, { kind: "copying" | "replica-added" }>;

/** The next entry of a partition: another primary or other backups, no learners, one epoch on. */
export function succeedEntry(
  entry: PartitionEntry,
  primary: Replica,
  backups: readonly Replica[] = [],
): PartitionEntry {
  return { ...entry, epoch: brandAs<Epoch>(entry.epoch + 1), primary, backups, learners: [] };
}

/** Starts planned moves while there are free slots. */
export function startMoves(state: MasterState): void {
  state.queue.wake(state.nowMs);
  for (const operation of state.activeOperations()) {
    if (operation.stage.kind !== "moving") continue;
    while (state.moves.inFlight < state.options.movesInFlightMax) {
      const moveId = state.queue.take(operation.id, (source, target) => mayStart(state, source, target));
      const move = moveId && state.moves.get(moveId);
      if (!move) break;
      beginCopy(state, move);
      if (state.operation(operation.id)?.stage.kind !== "moving") break;
    }
  }
}

function mayStart(state: MasterState, source: StoreId, target: StoreId): boolean {
  const { movesPerStoreMax } = state.options;
  return (
    state.isAlive(source) &&
    state.isAlive(target) &&
    state.moves.inFlightOfStore(source) < movesPerStoreMax &&
    state.moves.inFlightOfStore(target) < movesPerStoreMax
  );
}

/** Orders hand-offs while few enough are under way. */
export function orderHandoffs(state: MasterState): void {
  const { handoffs, options } = state;
  const isFree = (storeId: StoreId): boolean =>
    state.isAlive(storeId) && handoffs.orderedOfStore(storeId) < options.handoffsPerStoreMax;
  for (const moveId of handoffs.take((source, target) => isFree(source) && isFree(target))) {
    const move = state.moves.get(moveId);
    if (move) sendOrder(state, move);
  }
}

function beginCopy(state: MasterState, move: MoveRecord): void {
  const entry = state.entry(move.partition);
  const source = state.store(move.sourceId);
  const target = state.store(move.targetId);
  assertInvariant(source !== undefined && target !== undefined, `${move.id} is between stores that exist`);
  if (entry.halted || entry.primary?.storeId !== move.sourceId) {
    const reason = entry.halted ? "is halted" : `belongs to ${entry.primary?.storeId ?? "nobody"}`;
    failMove(state, move, `partition ${move.partition} ${reason}, so ${move.sourceId} cannot give it away`);
    return;
  }
  const step: RollableStep = {
    kind: "copying",
    epoch: entry.epoch,
    source: replicaOf(source),
    target: replicaOf(target),
  };
  state.setEntry({ ...entry, learners: [{ replica: step.target, moveId: move.id }] });
  const copying: MoveRecord = { ...move, step };
  state.setMove(copying);
  sendOrder(state, copying);
}

/** The order that a move's source has to carry out now, if any. */
function decideDirective(state: MasterState, move: MoveRecord): Directive | undefined {
  const { step } = move;
  const about = { moveId: move.id, partition: move.partition, epoch: state.entry(move.partition).epoch };
  switch (step.kind) {
    case "planned":
      return undefined;
    case "copying": {
      const targetAddress = state.store(move.targetId)?.registration?.address;
      assertInvariant(targetAddress !== undefined, `${move.targetId} has registered`);
      return { kind: "start-copy", ...about, target: step.target, targetAddress };
    }
    case "replica-added":
      return state.handoffs.isOrdered(move.id) ? { kind: "transfer-leadership", ...about } : undefined;
    case "leadership-transferred":
      if (state.awaited.get(move.targetId)?.has(move.id)) return undefined;
      return { kind: "delete-replica", ...about, generation: step.generation };
  }
}

function sendOrder(state: MasterState, move: MoveRecord): void {
  const { streamId } = state.presence(move.sourceId);
  const directive = streamId === undefined ? undefined : decideDirective(state, move);
  if (streamId === undefined || directive === undefined) return;
  state.orderedAtMs.set(move.id, state.nowMs);
  state.emit({ kind: "send", streamId, directive });
}

/** Sends a store every order that stands: it opened a new stream. */
export function sendStandingOrders(state: MasterState, storeId: StoreId): void {
  for (const move of state.moves.underWayOfStore(storeId)) {
    if (move.sourceId === storeId) sendOrder(state, move);
  }
}

/** Sends the orders again of which a periodic heartbeat has shown nothing for a while. */
export function repeatOrders(state: MasterState, storeId: StoreId): void {
  for (const move of state.moves.underWayOfStore(storeId)) {
    if (move.sourceId !== storeId) continue;
    const orderedAtMs = state.orderedAtMs.get(move.id) ?? state.nowMs;
    if (state.nowMs - orderedAtMs > masterLimits.directiveRepeatMs) sendOrder(state, move);
  }
}

/** What a store reports of a move. Stale reports change nothing. */
export function handleReport(state: MasterState, reporter: Replica, report: MoveReport): void {
  const move = state.moves.get(report.moveId);
  if (move?.sourceId !== reporter.storeId || move.partition !== report.partition) return;
  const { step } = move;
  if (step.kind === "planned") return;
  if (step.kind === "leadership-transferred") {
    if (report.state.kind === "deleted" && report.state.generation === step.generation) {
      completeMove(state, move, report.state.pauseMs);
    }
    return;
  }
  // RELEASE and READY hold for one epoch: whoever has a newer entry has taken them back.
  if (report.epoch !== step.epoch || step.source.incarnation !== reporter.incarnation) return;
  if (report.state.kind === "nack") {
    rollBack(state, move, { reason: report.state.reason, countsAsAttempt: true });
  } else if (step.kind === "copying") handleCopyReport(state, move, step, report);
  else if (report.state.kind === "released") transferLeadership(state, move, step, report.state.generation);
  // A source that still says READY at the new epoch has not heard that it should hand over.
  else if (report.state.kind !== "ready") state.orderedAtMs.set(move.id, state.nowMs);
}

function handleCopyReport(
  state: MasterState,
  move: MoveRecord,
  step: RollableStep,
  report: MoveReport,
): void {
  const { kind } = report.state;
  if (kind === "copying") {
    state.orderedAtMs.set(move.id, state.nowMs);
    const { keys, bytes } = report.state;
    state.noteProgress({ moveId: move.id, operationId: move.operationId, keys, bytes });
  } else if (kind === "ready") {
    const { keys, bytes } = report.state;
    adjustTotals(state, move, keys, bytes);
    const entry = succeedEntry(state.entry(move.partition), step.source, [step.target]);
    state.setEntry(entry);
    state.setMove({ ...move, keys, bytes, step: { ...step, kind: "replica-added", epoch: entry.epoch } });
  }
}

/** The copy's real size takes the place of the planned one. */
function adjustTotals(state: MasterState, move: MoveRecord, keys: number, bytes: number): void {
  const operation = state.operation(move.operationId);
  if (operation === undefined || (keys === move.keys && bytes === move.bytes)) return;
  state.setOperation({
    ...operation,
    keysTotal: operation.keysTotal + keys - move.keys,
    bytesTotal: operation.bytesTotal + bytes - move.bytes,
  });
}

function transferLeadership(
  state: MasterState,
  move: MoveRecord,
  step: RollableStep,
  generation: Generation,
): void {
  const entry = succeedEntry(state.entry(move.partition), step.target);
  state.setEntry(entry);
  const { epoch } = entry;
  const transferred: MoveRecord = {
    ...move,
    step: { kind: "leadership-transferred", generation, epoch, committedVersion: state.nextVersion },
  };
  state.awaitTarget(transferred);
  state.setMove(transferred);
  const operation = state.operation(move.operationId);
  if (operation === undefined) return;
  state.setOperation({
    ...operation,
    keysMoved: operation.keysMoved + move.keys,
    bytesMoved: operation.bytesMoved + move.bytes,
  });
}

/**
 * A store has applied a version: that its disk holds what it was given is recorded, and only then the sources of what it
 * took over may delete.
 */
export function handleApplied(state: MasterState, storeId: StoreId): void {
  const { appliedVersion } = state.presence(storeId);
  const taken = [...(state.awaited.get(storeId) ?? [])].flatMap((moveId) => {
    const move = state.moves.get(moveId);
    if (move?.step.kind !== "leadership-transferred" || appliedVersion < move.step.committedVersion)
      return [];
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
  if (move.step.kind !== "leadership-transferred") return;
  state.setMove({ ...move, step: { ...move.step, committedVersion: state.nextVersion } });
  state.awaitTarget(move);
}

/** The target came back without the copy it was given, and the source has not been told to delete its own. */
export function giveBack(state: MasterState, move: MoveRecord, source: Replica): void {
  const operation = state.operation(move.operationId);
  if (operation) {
    state.setOperation({
      ...operation,
      keysMoved: operation.keysMoved - move.keys,
      bytesMoved: operation.bytesMoved - move.bytes,
    });
  }
  state.awaited.get(move.targetId)?.delete(move.id);
  takeBack(state, move, source, { reason: `${move.targetId} lost the copy`, countsAsAttempt: false });
}

/** The source has deleted its copy, or is gone for good. */
export function completeMove(state: MasterState, move: MoveRecord, pauseMs?: number): void {
  state.endMove(move);
  const operation = state.operation(move.operationId);
  if (operation === undefined) return;
  const pauses = pauseMs === undefined ? {} : { pauses: addPause(operation.pauses ?? noPauses, pauseMs) };
  state.setOperation({ ...operation, movesDone: operation.movesDone + 1, ...pauses });
}

/** Why a copy is taken back. */
interface RollbackCause {
  readonly reason: string;
  readonly countsAsAttempt: boolean;
}

/**
 * Takes a copy back: the source is primary alone, one epoch on, which ends its READY and RELEASE and tells the target.
 * The move is planned again, unless its operation ends or it was refused too often.
 */
export function rollBack(state: MasterState, move: MoveRecord, cause: RollbackCause): void {
  const source = state.store(move.sourceId);
  assertInvariant(isInFlight(move) && source !== undefined, `${move.id} can be rolled back`);
  takeBack(state, move, replicaOf(source), cause);
}

function takeBack(state: MasterState, move: MoveRecord, source: Replica, cause: RollbackCause): void {
  state.setEntry(succeedEntry(state.entry(move.partition), source));
  state.notice("info", "a move was rolled back", {
    moveId: move.id,
    partition: move.partition,
    source: move.sourceId,
    target: move.targetId,
    reason: cause.reason,
  });
  replan(state, { ...move, attempts: move.attempts + Number(cause.countsAsAttempt) }, cause.reason);
}

function replan(state: MasterState, move: MoveRecord, reason: string): void {
  const planned: MoveRecord = { ...move, step: { kind: "planned" } };
  const operation = state.operation(move.operationId);
  if (operation?.stage.kind === "ending") {
    state.endMove(planned);
    return;
  }
  if (move.attempts >= state.options.moveAttemptsMax) {
    failMove(state, planned, reason);
    return;
  }
  state.setMove(planned);
  state.orderedAtMs.delete(move.id);
  if (move.attempts === 0) state.queue.add(planned);
  else {
    const waitMs = decideBackoffMs(backoffs.move, move.attempts, moveFraction(move));
    state.queue.addDelayed(planned, state.nowMs + waitMs);
  }
}

/** In [0, 1): what spreads the waits of moves that were refused together. The machine draws no random numbers. */
function moveFraction({ id, attempts }: MoveRecord): number {
  return hashBytes(Buffer.from(`${id} ${attempts}`)) / 2 ** 32;
}

/** Gives a move up, and with it its operation: what is under way ends, nothing more begins. */
export function failMove(state: MasterState, move: MoveRecord, reason: string): void {
  state.endMove(move);
  const operation = state.operation(move.operationId);
  if (operation === undefined) return;
  const { stage } = operation;
  state.notice("error", "a move failed for good", { moveId: move.id, partition: move.partition, reason });
  state.setOperation({
    ...operation,
    movesFailed: operation.movesFailed + 1,
    message: `moving partition ${move.partition} from ${move.sourceId} to ${move.targetId} failed: ${reason}`,
    stage:
      stage.kind === "moving" || stage.kind === "paused"
        ? { kind: "ending", startedAtMs: stage.startedAtMs, outcome: "failed" }
        : stage,
  });
  dropPlanned(state, operation.id);
}

/** Drops an operation's moves that have not begun. */
export function dropPlanned(state: MasterState, operationId: MoveRecord["operationId"]): void {
  for (const moveId of state.queue.drop(operationId)) {
    const move = state.moves.get(moveId);
    if (move) state.endMove(move);
  }
}

/** Why a copy cannot go on with its two stores as they are, if so. */
function decideInterruption(state: MasterState, move: MoveRecord): string | undefined {
  const { step } = move;
  if (step.kind !== "copying" && step.kind !== "replica-added") return undefined;
  const source = state.store(move.sourceId)?.registration;
  const target = state.store(move.targetId)?.registration;
  if (source?.incarnation !== step.source.incarnation) return `${move.sourceId} was restarted`;
  if (!source.alive) {
    // From READY on the source may have handed over: nothing can be said for it until it is back.
    return step.kind === "replica-added" ? undefined : `${move.sourceId} is down`;
  }
  if (target?.incarnation !== step.target.incarnation) return `${move.targetId} was restarted`;
  if (!target.alive) return `${move.targetId} is down`;
  const stage = state.operation(move.operationId)?.stage;
  return stage?.kind === "ending" && stage.outcome === "cancelled"
    ? "the operation was cancelled"
    : undefined;
}

/** Rolls back what can no longer go on, after a store died or came back, or an operation was cancelled. */
export function reviewMoves(state: MasterState, storeId: StoreId): void {
  for (const move of state.moves.underWayOfStore(storeId)) {
    const reason = decideInterruption(state, move);
    if (reason !== undefined) rollBack(state, move, { reason, countsAsAttempt: false });
  }
}

import { StoreState } from "../services/gen/elastickv/v1/common.js";
import {
  MoveState,
  OperationKind,
  OperationState,
  type Operation,
} from "../services/gen/elastickv/v1/master.js";
import { etaMsOf, formatEta, formatOf, formatRate, type ProgressView, type RateMeter } from "./progress.js";
import { formatDuration, formatNoun } from "./quantities.js";

/** Names of an enumeration's values as the CLI prints them: `ADD_STORE` → `add-store`. */
function namesOf(values: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(
    Object.entries(values).map(([name, value]) => [value, name.toLowerCase().replaceAll("_", "-")]),
  );
}

const kindNames = namesOf(OperationKind);
const stateNames = namesOf(OperationState);
const moveStateNames = namesOf(MoveState);
const storeStateNames = namesOf(StoreState);

/** `add-store`, `remove-store`, `rebalance`. */
export function kindName(operation: Operation): string {
  return kindNames.get(operation.kind) ?? "unknown";
}

/** `running`, `succeeded` … */
export function stateName(operation: Operation): string {
  return stateNames.get(operation.state) ?? "unknown";
}

/** `joining`, `active`, `draining`. */
export function storeStateName(state: number): string {
  return storeStateNames.get(state) ?? "unknown";
}

/** Whether an operation will not change any more. */
export function hasEnded(operation: Operation): boolean {
  return (
    operation.state === OperationState.SUCCEEDED ||
    operation.state === OperationState.FAILED ||
    operation.state === OperationState.CANCELLED
  );
}

/** Whether it ended as asked. */
export function hasSucceeded(operation: Operation): boolean {
  return operation.state === OperationState.SUCCEEDED;
}

/** An operation in the JSON that `ekv` prints: the message's fields, with names for kinds and states. */
export function operationJson(operation: Operation): object {
  return {
    ...operation,
    kind: kindName(operation),
    state: stateName(operation),
    moves: operation.moves.map((move) => ({ ...move, state: moveStateNames.get(move.state) ?? "unknown" })),
  };
}

/** `add-store store-4`. */
export function operationTitle(operation: Operation): string {
  return operation.storeId === "" ? kindName(operation) : `${kindName(operation)} ${operation.storeId}`;
}

/** How far an operation is, for a progress line. Keys stand for the work where there are any, moves otherwise. */
export function operationProgress(operation: Operation, meter: RateMeter): ProgressView {
  const { movesDone, movesTotal, keysMoved, keysTotal } = operation;
  const state = stateName(operation);
  const perSecond = meter.perSecond();
  const [done, total] = keysTotal > 0 ? [keysMoved, keysTotal] : [movesDone, movesTotal];
  const parts = [
    ...(state === "running" ? [] : [state]),
    ...(movesTotal > 0 ? [formatOf(movesDone, movesTotal, "moves")] : []),
    ...(keysTotal > 0 ? [formatOf(keysMoved, keysTotal, "keys")] : []),
  ];
  if (!hasEnded(operation) && state === "running" && total > 0) {
    if (keysTotal > 0) parts.push(formatRate(perSecond, "keys"));
    parts.push(formatEta(keysTotal > 0 ? etaMsOf(done, total, perSecond) : undefined));
  }
  if (operation.message !== "") parts.push(operation.message);
  return {
    title: operationTitle(operation),
    fraction: total > 0 ? Math.min(1, done / total) : undefined,
    parts: parts.length > 0 ? parts : ["starting"],
  };
}

/** What an operation that has ended did, as one sentence. */
export function operationOutcome(operation: Operation): string {
  const title = operationTitle(operation);
  const durationMs = operation.finishedAtMs - (operation.startedAtMs || operation.createdAtMs);
  const reason = operation.message === "" ? "" : `: ${operation.message}`;
  if (!hasSucceeded(operation)) {
    const moves = formatOf(operation.movesDone, operation.movesTotal, "moves done");
    return `${title} ${stateName(operation)}${reason} (${moves}).`;
  }
  if (operation.movesTotal === 0) return `${title} succeeded: nothing had to move.`;
  const moved = `${formatNoun(operation.movesDone, "partition")} and ${formatNoun(operation.keysMoved, "key")} moved`;
  return `${title} succeeded: ${moved} in ${formatDuration(Math.max(0, durationMs))}.`;
}

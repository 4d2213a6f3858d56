/** What operators ask for: refused with what to do instead, or recorded as an operation. */
import { checkStoreId } from "../checks.js";
import { EkvError } from "../errors.js";
import { limits } from "../limits.js";
import { brandAs, type OperationId, type StoreId } from "../ids.js";
import { cancelOperation, createOperation, operationOf } from "./operations/operations.js";
import type { MasterReply } from "./effects.js";
import type { AdminRequest, MasterEvent } from "./events.js";
import { nextStoreName } from "./membership/bootstrap.js";
import { planTask } from "./operations/planning.js";
import type { StoreNaming } from "./options.js";
import type { OperationRecord, OperationTask } from "./state/records.js";
import type { MasterState } from "./state/state.js";
import { formatNoun } from "../noun-count.js";

type RequestOf<K extends AdminRequest["kind"]> = Extract<AdminRequest, { kind: K }>;

/** Carries out a request and answers it. */
export function handleAdmin(state: MasterState, event: Extract<MasterEvent, { kind: "admin" }>): void {
  state.emit({ kind: "reply", requestId: event.requestId, reply: answer(state, event.request) });
}

function answer(state: MasterState, request: AdminRequest): MasterReply {
  try {
    switch (request.kind) {
      case "add-store":
        return addStore(state, request);
      case "remove-store":
        return removeStore(state, request);
      case "rebalance":
        requireRing(state);
        return begin(state, { kind: "rebalance" }, request.dryRun);
      case "cancel":
      case "pause":
      case "resume":
        return steer(state, request);
    }
  } catch (error) {
    if (error instanceof EkvError) return { kind: "refused", error };
    throw error;
  }
}

function refuse(message: string): never {
  throw new EkvError("FAILED_PRECONDITION", message, { notExecuted: true });
}

function requireRing(state: MasterState): void {
  if (state.unassigned < state.cluster.partitionCount) return;
  refuse(
    `the cluster begins with ${formatNoun(state.options.initialStores, "store")} ` +
      `(${state.stores().filter(({ registration }) => registration).length} have registered)`,
  );
}

function begin(state: MasterState, task: OperationTask, dryRun: boolean): MasterReply {
  if (dryRun) return { kind: "plan", plan: planTask(state, task) };
  if (state.activeOperations().length >= limits.operationsActiveMax) {
    throw new EkvError(
      "RESOURCE_EXHAUSTED",
      `${limits.operationsActiveMax} operations are under way or wait; wait for some to end, or cancel them`,
      { notExecuted: true },
    );
  }
  return { kind: "operation", operationId: createOperation(state, task).id };
}

function addStore(state: MasterState, request: RequestOf<"add-store">): MasterReply {
  requireRing(state);
  const storeId =
    request.storeId === undefined ? nextStoreToAdd(state, request.naming) : checkStoreId(request.storeId);
  const store = state.store(storeId);
  const operation = operationOf(state, storeId);
  if (operation) {
    throw new EkvError("ALREADY_EXISTS", `${operation.id} is about store ${storeId} already; watch it`, {
      notExecuted: true,
    });
  }
  if (store && store.state !== "joining") {
    const hint = store.registration?.alive === false ? " and is down; start it with ekv stores start" : "";
    throw new EkvError("ALREADY_EXISTS", `store ${storeId} is part of the cluster already${hint}`, {
      notExecuted: true,
    });
  }
  const reply = begin(state, { kind: "add-store", storeId }, request.dryRun);
  if (store === undefined && !request.dryRun && state.options.launches) {
    state.setStore({ storeId, state: "joining", weight: 1, launched: true, registration: undefined });
    state.emit({ kind: "launch", storeId });
  }
  return reply;
}

/** A store that has joined without a share, else a new name. */
function nextStoreToAdd(state: MasterState, naming: StoreNaming | undefined): StoreId {
  const waiting = state
    .stores()
    .find(({ storeId, state: stage }) => stage === "joining" && operationOf(state, storeId) === undefined);
  return waiting?.storeId ?? nextStoreName(state, naming);
}

function removeStore(state: MasterState, request: RequestOf<"remove-store">): MasterReply {
  const storeId = checkStoreId(request.storeId);
  const store = state.store(storeId);
  if (store === undefined)
    throw new EkvError("NOT_FOUND", `there is no store ${storeId}`, { notExecuted: true });
  const operation = operationOf(state, storeId);
  if (operation?.task.kind === "remove-store") {
    throw new EkvError("ALREADY_EXISTS", `${operation.id} removes store ${storeId} already; watch it`, {
      notExecuted: true,
    });
  }
  if (operation) refuse(`${operation.id} adds store ${storeId}; wait for it or cancel it first`);
  if (store.registration === undefined) refuse(`store ${storeId} has not registered yet; wait for it`);
  const others = state
    .stores()
    .filter(
      (other) =>
        other.storeId !== storeId &&
        other.state === "active" &&
        operationOf(state, other.storeId)?.task.kind !== "remove-store",
    );
  if (store.state === "active" && others.length === 0) {
    refuse(`store ${storeId} is the last active one and cannot be removed; add another first`);
  }
  if (!store.registration.alive && state.ownedBy(storeId) > 0) {
    refuse(
      `store ${storeId} is down and owns ${formatNoun(state.ownedBy(storeId), "partition")}, whose data would be lost; ` +
        "start it again first (ekv stores start, or where it ran)",
    );
  }
  return begin(
    state,
    { kind: "remove-store", storeId, purge: request.purge, ownWish: request.ownWish ?? false },
    request.dryRun,
  );
}

function steer(state: MasterState, request: RequestOf<"cancel" | "pause" | "resume">): MasterReply {
  const operation = findOperation(state, request.operationId);
  const { stage } = operation;
  if (stage.kind === "finished") refuse(`${operation.id} has ended: ${stage.outcome}`);
  if (stage.kind === "leaving") refuse(`${operation.id} has moved everything; its store is stopping`);
  if (stage.kind === "ending") {
    if (request.kind !== "cancel") refuse(`${operation.id} is ending: ${stage.outcome}`);
  } else if (request.kind === "cancel") cancelOperation(state, operation);
  else if (stage.kind === "pending") refuse(`${operation.id} has not started; cancel it if it should not`);
  else {
    const kind = request.kind === "pause" ? "paused" : "moving";
    if (stage.kind !== kind) state.setOperation({ ...operation, stage: { ...stage, kind }, message: "" });
  }
  return { kind: "operation", operationId: operation.id };
}

function findOperation(state: MasterState, id: OperationId): OperationRecord {
  const operation = state.operation(brandAs<OperationId>(id));
  if (operation) return operation;
  throw new EkvError("NOT_FOUND", `there is no operation ${JSON.stringify(id)}`, { notExecuted: true });
}

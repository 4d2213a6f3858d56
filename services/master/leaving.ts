/** Stores that are about to be stopped: do they come back, or leave for good? */
import { EkvError } from "../core/errors.js";
import { brandAs, isStoreId, type StoreId } from "../core/ids.js";
import type { CommittedView } from "../core/master/state/committed-view.js";
import type { AdminRequest } from "../core/master/events.js";
import type { OperationRecord } from "../core/master/state/records.js";
import { decideLeave, type LeavingStore } from "../core/master/scaling.js";
import type { StoreScale } from "../core/ports/launcher.js";
import { type LeaveResponse, LeaveState } from "../gen/elastickv/v1/master.js";

/** What {@link answerLeave} works with. */
export interface LeavingOptions {
  readonly view: CommittedView;
  /** See `Launcher.scale`. */
  scale(): Promise<StoreScale | undefined>;
  /** Carries out a request, or throws what it is refused with. */
  administer(request: AdminRequest): Promise<unknown>;
}

function operationOf(view: CommittedView, storeId: StoreId): OperationRecord | undefined {
  return view
    .operations()
    .map(({ operation }) => operation)
    .find(
      ({ task, stage }) => stage.kind !== "finished" && task.kind !== "rebalance" && task.storeId === storeId,
    );
}

function describeLeaving(operation: OperationRecord | undefined): LeavingStore {
  if (operation === undefined) return { operation: "none" };
  const { stage, task } = operation;
  if (stage.kind === "leaving" || stage.kind === "ending") return { operation: stage.kind };
  return { operation: task.kind === "remove-store" ? "removing" : "adding" };
}

/**
 * Answers a store that asks whether to leave, after beginning what its leaving needs. Throws `UNAVAILABLE` when what is
 * wanted cannot be found out now.
 */
export async function answerLeave(storeIdText: string, options: LeavingOptions): Promise<LeaveResponse> {
  const { view } = options;
  const storeId = brandAs<StoreId>(storeIdText);
  const scale = await options.scale();
  const known = isStoreId(storeIdText) && view.topology.stores.some((store) => store.storeId === storeId);
  const operation = operationOf(view, storeId);
  const partitions = view.topology.partitions.filter(({ primary }) => primary?.storeId === storeId).length;
  const decision = decideLeave(scale, storeId, known ? describeLeaving(operation) : undefined);
  switch (decision) {
    case "stays":
      return { state: LeaveState.STAYS, partitions, message: "" };
    case "left":
      return { state: LeaveState.LEFT, partitions, message: "" };
    case "wait":
      return { state: LeaveState.LEAVING, partitions, message: operation?.message ?? "" };
    case "cancel":
    case "remove":
      return await begin(decision, storeId, operation, partitions, options);
  }
}

async function begin(
  decision: "cancel" | "remove",
  storeId: StoreId,
  operation: OperationRecord | undefined,
  partitions: number,
  { administer }: LeavingOptions,
): Promise<LeaveResponse> {
  const removal = { kind: "remove-store", storeId, purge: false, dryRun: false, ownWish: true } as const;
  try {
    if (decision === "remove") await administer(removal);
    else if (operation) await administer({ kind: "cancel", operationId: operation.id });
    return { state: LeaveState.LEAVING, partitions, message: "" };
  } catch (error) {
    if (!(error instanceof EkvError)) throw error;
    // Somebody else was faster: the next answer says so.
    if (error.code === "ALREADY_EXISTS" || decision === "cancel")
      return { state: LeaveState.LEAVING, partitions, message: error.message };
    // As the last active store does: nobody can take what it has, which stays on its disk.
    if (error.code === "FAILED_PRECONDITION")
      return { state: LeaveState.STAYS, partitions, message: error.message };
    throw error;
  }
}

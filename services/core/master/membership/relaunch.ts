/** Which stores that are down the launcher starts again. */
import { EkvError } from "../../errors.js";
import type { StoreId } from "../../ids.js";
import { operationOf } from "../operations/operations.js";
import type { MasterState } from "../state/state.js";

/** Whether a launch that failed is to be tried again: the store is a member that stays one, and is not to be heard of. */
export function isLaunchWanted(state: MasterState, storeId: StoreId): boolean {
  const store = state.store(storeId);
  if (store === undefined || !store.launched) return false;
  if (store.registration === undefined || operationOf(state, storeId)?.stage.kind === "leaving") return false;
  // It may count as alive still, from before the master started.
  return state.presence(storeId).streamId === undefined;
}

/** Why an operator cannot have a store started; undefined: it can be. */
export function decideStartRefusal(state: MasterState, storeId: StoreId): EkvError | undefined {
  const store = state.store(storeId);
  if (store === undefined) {
    return new EkvError("NOT_FOUND", `there is no store ${storeId}`, {
      notExecuted: true,
    });
  }
  if (store.launched) return undefined;
  return new EkvError(
    "FAILED_PRECONDITION",
    `store ${storeId} was not started by this master's launcher; start it where it ran, with the same --data`,
    { notExecuted: true },
  );
}

/** What can be asked for where stores can only be scaled: numbered from 0, they come and go at the high end. */
import { EkvError } from "../errors.js";
import type { StoreId } from "../ids.js";
import type { StoreScale } from "../ports/launcher.js";
import { storeName } from "./options.js";

/** The number of a store of this scale; undefined: it is none of them. */
export function numberOf({ prefix }: StoreScale, storeId: string): number | undefined {
  const digits = storeId.startsWith(`${prefix}-`) ? storeId.slice(prefix.length + 1) : "";
  return /^(0|[1-9]\d{0,8})$/.test(digits) ? Number(digits) : undefined;
}

/** Whether a store is one of the scale's, and wanted no more. */
export function isUnwanted(scale: StoreScale, storeId: string): boolean {
  const number = numberOf(scale, storeId);
  return number !== undefined && number >= scale.wanted;
}

/** Refuses, with `FAILED_PRECONDITION`, to add by name a store other than those that are wanted and the next one. */
export function requireAddable(scale: StoreScale, storeId: string): void {
  const number = numberOf(scale, storeId);
  if (number !== undefined && number <= scale.wanted) return;
  const next = storeName(scale.prefix, scale.wanted);
  refuse(
    `stores can only be added in the order of their numbers: the next is ${next}; ask for it, or for none by name`,
  );
}

/** Refuses, with `FAILED_PRECONDITION`, to remove a store that others stand above. */
export function requireRemovable(scale: StoreScale, storeId: StoreId): void {
  const number = numberOf(scale, storeId);
  if (number === undefined || number >= scale.wanted - 1) return;
  const highest = storeName(scale.prefix, scale.wanted - 1);
  refuse(
    `stores can only be removed in the order of their numbers, the highest first: ${highest} can be removed now, ` +
      `${storeId} once it is the highest. To replace the disk or the pod of ${storeId}, no store has to be removed`,
  );
}

function refuse(message: string): never {
  throw new EkvError("FAILED_PRECONDITION", message, { notExecuted: true });
}

/** What is known of a store that asks whether to leave. */
export interface LeavingStore {
  /**
   * Its unfinished operation. `ending`: an addition or a removal that was given up and still finishes moves. `leaving`:
   * everything has moved off it.
   */
  readonly operation: "none" | "adding" | "removing" | "ending" | "leaving";
}

/**
 * What a store that is about to be stopped should do: come back, go, or wait. `remove` and `cancel`: wait, and first its
 * removal has to be begun, or its addition to be cancelled.
 */
export type LeaveDecision = "stays" | "left" | "wait" | "remove" | "cancel";

/**
 * Decides whether a store leaves for good: when the launcher scales stores and wants this one no more. Scaled to nothing,
 * the cluster pauses: all stores keep what they have. `store` is undefined for one that is not part of the cluster.
 */
export function decideLeave(
  scale: StoreScale | undefined,
  storeId: StoreId,
  store: LeavingStore | undefined,
): LeaveDecision {
  if (scale === undefined || scale.wanted === 0 || !isUnwanted(scale, storeId)) return "stays";
  switch (store?.operation) {
    case undefined:
    case "leaving":
      return "left";
    case "removing":
    case "ending":
      return "wait";
    case "adding":
      return "cancel";
    case "none":
      return "remove";
  }
}

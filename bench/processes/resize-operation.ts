import { setTimeout as delay } from "node:timers/promises";
import type { AdminClient } from "../../client/admin.js";
import { type Operation, OperationState } from "../../services/gen/elastickv/v1/master.js";

/** Once it has begun, questions come further apart: the master answers them in time that is measured. */
const pollMs = { pending: 10, begun: 50 };
const timeoutMs = 300_000;

/**
 * Follows the newest operation on a store to its end. `moving` is called when it has begun. Rejects when the operation fails or
 * takes longer than five minutes.
 */
export async function followResize(
  admin: AdminClient,
  storeId: string,
  moving: () => void = () => undefined,
): Promise<Operation> {
  const endMs = performance.now() + timeoutMs;
  let begun = false;
  while (performance.now() < endMs) {
    const [operation] = (await admin.listOperations({ activeOnly: false })).operations;
    const ours = operation?.storeId === storeId && operation.startedAtMs > 0 ? operation : undefined;
    if (ours && !begun) {
      begun = true;
      moving();
    }
    if (ours?.state === OperationState.SUCCEEDED) return ours;
    if (ours?.state === OperationState.FAILED) throw new Error(`the resize failed: ${ours.message}`);
    await delay(begun ? pollMs.begun : pollMs.pending);
  }
  throw new Error(`${storeId}: the resize took longer than ${timeoutMs} ms`);
}

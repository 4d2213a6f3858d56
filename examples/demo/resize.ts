import { setTimeout as delay } from "node:timers/promises";
import type { AdminClient } from "../../client/admin.js";
import { hasEnded, hasSucceeded, operationOutcome } from "../../cli/operation-view.js";
import { noPauses } from "../../services/core/pause-histogram.js";
import { StoreState } from "../../services/gen/elastickv/v1/common.js";
import type { Operation } from "../../services/gen/elastickv/v1/master.js";
import type { SeededRandom } from "./random.js";
import type { Balance, StepSummary } from "./report.js";
import { balanceOf } from "./report.js";
import type { ResizeStep } from "./resize-plan.js";

/** What changes of the cluster need. */
export interface ResizeContext {
  readonly admin: AdminClient;
  readonly random: SeededRandom;
  /** Keys that exist now. */
  readonly countKeys: () => number;
  /** Told when the operation has ended, before the rest of the step. */
  readonly onEnd: () => void;
  readonly signal: AbortSignal;
  readonly onProgress: (operation: Operation) => void;
}

/** How often the stores' key counts are read until they are up to date, and for how long. */
const balancePollMs = 100;
const balanceWaitMs = 5000;
/** Heartbeats carry the counts, every 500 ms: so long after the end, one of each store came that was sent after it. */
const balanceAgeMs = 1000;
/** The wait before a broken watch is opened again. */
const rewatchMs = 200;

/** Adds a store, or removes a random one, and waits until that has ended. Throws when it did not succeed. */
export async function resize(step: ResizeStep, context: ResizeContext): Promise<StepSummary> {
  const { admin, signal } = context;
  const { partitionCount } = await admin.getClusterStatus({}, { signal });
  const startMs = performance.now();
  const operation = await follow(await order(step, context), context);
  const seconds = (performance.now() - startMs) / 1000;
  context.onEnd();
  if (!hasSucceeded(operation)) throw new Error(operationOutcome(operation));
  const keys = context.countKeys();
  return {
    step,
    storeId: operation.storeId,
    seconds,
    moves: operation.movesTotal,
    movesMinimum: operation.movesMinimum,
    keysMoved: operation.keysMoved,
    keysMinimum: Math.round((keys * operation.movesMinimum) / partitionCount),
    bytesMoved: operation.bytesMoved,
    pauses: operation.pauses ?? noPauses,
    balance: await readBalance(context, operation.finishedAtMs + balanceAgeMs),
  };
}

async function order(step: ResizeStep, { admin, random, signal }: ResizeContext): Promise<Operation> {
  const response =
    step === "add"
      ? await admin.addStore({ storeId: "", dryRun: false }, { signal })
      : await admin.removeStore(
          { storeId: await pickStore(admin, random, signal), dryRun: false, purge: true },
          { signal },
        );
  if (response.result?.$case !== "operation") throw new Error(`the master answered no operation to ${step}`);
  return response.result.value;
}

async function pickStore(admin: AdminClient, random: SeededRandom, signal: AbortSignal): Promise<string> {
  const { stores } = await admin.listStores({}, { signal });
  const active = stores.filter((store) => store.state === StoreState.ACTIVE).map((store) => store.storeId);
  const chosen = active.sort()[random.below(active.length)];
  if (chosen === undefined) throw new Error("no active store to remove");
  return chosen;
}

/** Follows an operation to its end, through breaks of the watch. */
async function follow(operation: Operation, context: ResizeContext): Promise<Operation> {
  const { admin, signal, onProgress } = context;
  let latest = operation;
  for (;;) {
    onProgress(latest);
    for await (const next of admin.watchOperation({ operationId: operation.id }, { signal })) {
      latest = next;
      onProgress(latest);
      if (hasEnded(latest)) return latest;
    }
    await delay(rewatchMs, undefined, { signal });
  }
}

/** Keys and partitions of each store, once a heartbeat of each is as new as `sinceMs`, a time of the master's clock. */
async function readBalance({ admin, signal }: ResizeContext, sinceMs: number): Promise<Balance> {
  const giveUpMs = performance.now() + balanceWaitMs;
  for (;;) {
    const { stores } = await admin.listStores({}, { signal });
    if (stores.every((store) => store.lastHeartbeatMs >= sinceMs) || performance.now() > giveUpMs) {
      return balanceOf(
        stores.map(({ storeId, keyNum, partitions }) => ({ storeId, keys: keyNum, partitions })),
      );
    }
    await delay(balancePollMs, undefined, { signal });
  }
}

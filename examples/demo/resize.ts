import { setTimeout as delay } from "node:timers/promises";
import type { AdminClient } from "../../client/admin.js";
import { hasEnded, hasSucceeded, operationOutcome } from "../../cli/operation-view.js";
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
  readonly signal: AbortSignal;
  readonly onProgress: (operation: Operation) => void;
}

/** How often the stores' key counts, which heartbeats carry, are read until they are up to date, and for how long. */
const balancePollMs = 100;
const balanceWaitMs = 5000;
/** How far the counts may be from the model's: the workload goes on meanwhile. */
const balanceTolerance = 0.005;
/** The wait before a broken watch is opened again. */
const rewatchMs = 200;

/** Adds a store, or removes a random one, and waits until that has ended. Throws when it did not succeed. */
export async function resize(step: ResizeStep, context: ResizeContext): Promise<StepSummary> {
  const { admin, signal } = context;
  const { partitionCount } = await admin.getClusterStatus({}, { signal });
  const startMs = performance.now();
  const operation = await follow(await order(step, context), context);
  const seconds = (performance.now() - startMs) / 1000;
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
    balance: await readBalance(context),
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

/** Keys and partitions of each store, once the heartbeats have brought them up to date. */
export async function readBalance(
  context: Pick<ResizeContext, "admin" | "countKeys" | "signal">,
): Promise<Balance> {
  const giveUpMs = performance.now() + balanceWaitMs;
  for (;;) {
    const { stores } = await context.admin.listStores({}, { signal: context.signal });
    const balance = balanceOf(
      stores.map(({ storeId, keyNum, partitions }) => ({ storeId, keys: keyNum, partitions })),
    );
    const total = balance.stores.reduce((sum, store) => sum + store.keys, 0);
    const keys = context.countKeys();
    if (Math.abs(total - keys) <= keys * balanceTolerance || performance.now() > giveUpMs) return balance;
    await delay(balancePollMs, undefined, { signal: context.signal });
  }
}

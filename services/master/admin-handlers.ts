import { checkStoreId, idViolation } from "../core/checks.js";
import { EkvError, invalidArgument } from "../core/errors.js";
import { brandAs, type OperationId, type StoreId } from "../core/ids.js";
import type { OperationPlan } from "../core/master/effects.js";
import type { AdminRequest } from "../core/master/events.js";
import { requireAddable, requireRemovable } from "../core/master/scaling.js";
import type { PlacementName } from "../core/placement/policy.js";
import type {
  AdminServiceServer,
  GetClusterStatusResponse,
  Operation,
  Plan,
} from "../gen/elastickv/v1/master.js";
import { type HandlerOptions, streamHandler, unaryHandler } from "../runtime/handlers.js";
import type { DeferredLauncher } from "./deferred-launcher.js";
import type { Driver } from "./driver.js";
import type { OperationFeed } from "./operation-feed.js";
import { describeStatus, describeRing, describeStores } from "./reports.js";
import { operationToWire, planToWire } from "./wire.js";

/** What the handlers of AdminService work with. */
export interface AdminOptions extends HandlerOptions {
  readonly driver: Driver;
  readonly operationFeed: OperationFeed;
  readonly placement: PlacementName;
  readonly launcher: Pick<DeferredLauncher, "name" | "scale" | "problems">;
}

type Begun =
  | { readonly $case: "operation"; readonly value: Operation }
  | { readonly $case: "plan"; readonly value: Plan };

/** AdminService: requests go through the machine, answers come from what is committed. */
export function adminHandlers(options: AdminOptions): AdminServiceServer {
  const { driver, operationFeed, launcher } = options;
  const read = (id: OperationId): Operation => {
    const found = driver.view.operation(id);
    if (found) return operationToWire(found);
    throw new EkvError("NOT_FOUND", `there is no operation ${JSON.stringify(id)}`, { notExecuted: true });
  };
  const begin = async (request: AdminRequest): Promise<Begun> => {
    const reply = await driver.administer(request);
    if (reply.kind === "plan")
      return { $case: "plan", value: planToWire(reply.plan satisfies OperationPlan) };
    if (reply.kind === "operation") return { $case: "operation", value: read(reply.operationId) };
    throw new EkvError("INTERNAL", "a request got another answer");
  };
  const steer = async (
    kind: "cancel" | "pause" | "resume",
    operationId: string,
  ): Promise<{ operation: Operation }> => {
    const id = checkOperationId(operationId);
    await driver.administer({ kind, operationId: id });
    return { operation: read(id) };
  };
  return {
    addStore: unaryHandler(options, async ({ storeId: given, dryRun }) => {
      const storeId = given === "" ? undefined : given;
      const scale = await launcher.scale();
      if (scale === undefined) return { result: await begin({ kind: "add-store", storeId, dryRun }) };
      if (storeId !== undefined) requireAddable(scale, storeId);
      const naming = { prefix: scale.prefix, first: scale.wanted };
      return { result: await begin({ kind: "add-store", storeId, naming, dryRun }) };
    }),
    removeStore: unaryHandler(options, async ({ storeId: given, dryRun, purge }) => {
      const storeId = brandAs<StoreId>(given);
      const scale = await launcher.scale();
      if (scale !== undefined) requireRemovable(scale, storeId);
      return { result: await begin({ kind: "remove-store", storeId, dryRun, purge }) };
    }),
    startStore: unaryHandler(options, async ({ storeId }) => ({
      handle: await driver.startStore(checkStoreId(storeId)),
    })),
    rebalance: unaryHandler(options, async ({ dryRun }) => ({
      result: await begin({ kind: "rebalance", dryRun }),
    })),
    cancelOperation: unaryHandler(options, ({ operationId }) => steer("cancel", operationId)),
    pauseOperation: unaryHandler(options, ({ operationId }) => steer("pause", operationId)),
    resumeOperation: unaryHandler(options, ({ operationId }) => steer("resume", operationId)),
    getOperation: unaryHandler(options, ({ operationId }) => ({
      operation: read(checkOperationId(operationId)),
    })),
    listOperations: unaryHandler(options, ({ activeOnly }) => ({
      operations: driver.view
        .operations()
        .filter(({ operation }) => !activeOnly || operation.stage.kind !== "finished")
        .map(operationToWire)
        .reverse(),
    })),
    watchOperation: streamHandler(options, async ({ operationId }, { signal }, send) => {
      const id = checkOperationId(operationId);
      await operationFeed.watch({
        operationId: id,
        signal,
        read: () => driver.view.operation(id),
        send: (found) => send({ operation: operationToWire(found) }),
      });
    }),
    listStores: unaryHandler(options, () => ({ stores: describeStores(driver.view, driver.machine) })),
    describeRing: unaryHandler(options, () => describeRing(driver.view, driver.machine)),
    getClusterStatus: unaryHandler(options, () => statusOf(options)),
  };
}

function statusOf({ driver, placement, launcher }: AdminOptions): GetClusterStatusResponse {
  return describeStatus(driver.view, driver.machine, {
    placement,
    launcher: launcher.name,
    problems: [...driver.problems(), ...launcher.problems()],
  });
}

function checkOperationId(text: string): OperationId {
  const violation =
    text === ""
      ? invalidArgument("operation_id", "is empty; give one that ListOperations names")
      : idViolation(text, "operation_id");
  if (violation) throw violation;
  return brandAs<OperationId>(text);
}

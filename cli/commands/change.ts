import { EkvError } from "../../services/core/errors.js";
import type { AddStoreResponse } from "../../services/gen/elastickv/v1/master.js";
import { writeJson, type CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";
import { followOperation } from "../follow.js";
import { operationJson, operationTitle } from "../operation-view.js";
import { paletteFor } from "../output.js";
import { formatPlan, planFlows } from "../plan-summary.js";

/** Options of the commands that change who holds what. */
export interface ChangeOptions {
  readonly dryRun?: true;
  /** False with --no-wait. */
  readonly wait: boolean;
}

/** Options of `ekv remove-store`. */
export interface RemoveStoreOptions extends ChangeOptions {
  readonly purge?: true;
}

/** What every such RPC answers: an operation, or with dry_run a plan. */
type ChangeResult = AddStoreResponse["result"];

/** `ekv add-store [id]`. */
export async function addStore(
  context: CommandContext,
  storeId: string | undefined,
  options: ChangeOptions,
): Promise<ExitCode> {
  const admin = await context.session.admin();
  const response = await admin.addStore(
    { storeId: storeId ?? "", dryRun: options.dryRun === true },
    { deadlineMs: context.timeoutMs, signal: context.signal },
  );
  return showResult(context, response.result, options);
}

/** `ekv remove-store <id>`. */
export async function removeStore(
  context: CommandContext,
  storeId: string,
  options: RemoveStoreOptions,
): Promise<ExitCode> {
  const admin = await context.session.admin();
  const response = await admin.removeStore(
    { storeId, dryRun: options.dryRun === true, purge: options.purge === true },
    { deadlineMs: context.timeoutMs, signal: context.signal },
  );
  return showResult(context, response.result, options);
}

/** `ekv rebalance`. */
export async function rebalance(context: CommandContext, options: ChangeOptions): Promise<ExitCode> {
  const admin = await context.session.admin();
  const response = await admin.rebalance(
    { dryRun: options.dryRun === true },
    { deadlineMs: context.timeoutMs, signal: context.signal },
  );
  return showResult(context, response.result, options);
}

async function showResult(
  context: CommandContext,
  result: ChangeResult,
  options: ChangeOptions,
): Promise<ExitCode> {
  if (!result) throw new EkvError("INTERNAL", "the master answered neither an operation nor a plan");
  if (result.$case === "plan") {
    if (context.json) await writeJson(context, { ...result.value, flows: planFlows(result.value) });
    else await context.stdout.write(formatPlan(result.value, paletteFor(context.stdout)));
    return exitCodes.ok;
  }
  const operation = result.value;
  if (options.wait) return followOperation(context, operation, { stream: false });
  if (context.json) {
    await writeJson(context, operationJson(operation));
  } else {
    await context.stdout.write(
      `Started ${operationTitle(operation)}. Watch it: ekv operations watch ${operation.id}\n`,
    );
  }
  return exitCodes.ok;
}

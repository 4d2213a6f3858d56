import { EkvError } from "../../services/core/errors.js";
import type { HandoffPauses, Operation } from "../../services/gen/elastickv/v1/master.js";
import { writeJson, type CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";
import { followOperation } from "../follow.js";
import { kindName, operationJson, stateName } from "../operation-view.js";
import { paletteFor } from "../output.js";
import { formatBytes, formatCount, formatDuration, formatNoun } from "../quantities.js";
import { formatPairs, formatTable } from "../table.js";

/** `ekv operations`: newest first. */
export async function listOperations(
  context: CommandContext,
  options: { readonly active?: true },
): Promise<ExitCode> {
  const admin = await context.session.admin();
  const { operations } = await admin.listOperations({ activeOnly: options.active === true }, callOf(context));
  if (context.json) {
    await writeJson(context, { operations: operations.map(operationJson) });
    return exitCodes.ok;
  }
  if (operations.length === 0) {
    await context.stdout.write(
      options.active ? "No operation is under way.\n" : "There was no operation yet.\n",
    );
    return exitCodes.ok;
  }
  const columns = [
    { title: "OPERATION" },
    { title: "KIND" },
    { title: "STORE" },
    { title: "STATE" },
    { title: "MOVES", numeric: true },
    { title: "KEYS", numeric: true },
    { title: "CREATED" },
    { title: "MESSAGE" },
  ] as const;
  const rows = operations.map((operation) => [
    operation.id,
    kindName(operation),
    operation.storeId,
    stateName(operation),
    `${operation.movesDone}/${operation.movesTotal}`,
    formatCount(operation.keysMoved),
    formatTime(operation.createdAtMs),
    operation.message,
  ]);
  await context.stdout.write(formatTable(columns, rows, paletteFor(context.stdout)));
  return exitCodes.ok;
}

/** `ekv operations show <id>`. */
export async function showOperation(context: CommandContext, operationId: string): Promise<ExitCode> {
  const admin = await context.session.admin();
  const { operation } = await admin.getOperation({ operationId }, callOf(context));
  await print(context, present(operation));
  return exitCodes.ok;
}

/** `ekv operations watch <id>`: with --json every change, one a line. */
export async function watchOperation(context: CommandContext, operationId: string): Promise<ExitCode> {
  const admin = await context.session.admin();
  const { operation } = await admin.getOperation({ operationId }, callOf(context));
  return followOperation(context, present(operation), { stream: true });
}

/** `ekv operations cancel|pause|resume <id>`. */
export async function controlOperation(
  context: CommandContext,
  action: "cancel" | "pause" | "resume",
  operationId: string,
): Promise<ExitCode> {
  const admin = await context.session.admin();
  const request = { operationId };
  const calls = {
    cancel: () => admin.cancelOperation(request, callOf(context)),
    pause: () => admin.pauseOperation(request, callOf(context)),
    resume: () => admin.resumeOperation(request, callOf(context)),
  };
  const { operation } = await calls[action]();
  await print(context, present(operation));
  return exitCodes.ok;
}

function callOf(context: CommandContext): { readonly deadlineMs: number; readonly signal: AbortSignal } {
  return { deadlineMs: context.timeoutMs, signal: context.signal };
}

function present(operation: Operation | undefined): Operation {
  if (!operation) throw new EkvError("INTERNAL", "the master's answer lacks the operation");
  return operation;
}

async function print(context: CommandContext, operation: Operation): Promise<void> {
  if (context.json) {
    await writeJson(context, operationJson(operation));
    return;
  }
  const pairs: [string, string][] = [
    ["operation", operation.id],
    ["kind", kindName(operation)],
    ...(operation.storeId === "" ? [] : ([["store", operation.storeId]] as [string, string][])),
    ["state", stateName(operation)],
    ["moves", movesText(operation)],
    ["keys", `${formatCount(operation.keysMoved)} of ${formatCount(operation.keysTotal)}`],
    ["bytes", `${formatBytes(operation.bytesMoved)} of ${formatBytes(operation.bytesTotal)}`],
    ...(operation.pauses === undefined
      ? []
      : ([["pauses", pausesText(operation.pauses)]] as [string, string][])),
    ["created", formatTime(operation.createdAtMs)],
    ["started", formatTime(operation.startedAtMs)],
    ["finished", formatTime(operation.finishedAtMs)],
    ...(operation.message === "" ? [] : ([["message", operation.message]] as [string, string][])),
  ];
  await context.stdout.write(formatPairs(pairs, paletteFor(context.stdout)));
}

function movesText(operation: Operation): string {
  const failed = operation.movesFailed > 0 ? `, ${operation.movesFailed} failed` : "";
  return `${operation.movesDone} of ${operation.movesTotal} done${failed}, at least ${operation.movesMinimum} needed`;
}

/** How long the calls of one partition waited for its hand-off. */
function pausesText({ count, p50Ms, p99Ms, maxMs }: HandoffPauses): string {
  const [p50, p99, max] = [p50Ms, p99Ms, maxMs].map((ms) => formatDuration(ms));
  return `p50 ${p50}, p99 ${p99}, longest ${max} (${formatNoun(count, "hand-off")})`;
}

function formatTime(unixMs: number): string {
  return unixMs === 0 ? "-" : new Date(unixMs).toISOString().replace("T", " ").slice(0, 19);
}

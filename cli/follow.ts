import { setTimeout as delay } from "node:timers/promises";
import { EkvError } from "../services/core/errors.js";
import { backoffs } from "../services/core/limits.js";
import { Backoff } from "../services/core/retry/backoff.js";
import type { Operation } from "../services/gen/elastickv/v1/master.js";
import { systemRandom } from "../services/runtime/random.js";
import { writeJson, type CommandContext } from "./context.js";
import { exitCodes, type ExitCode } from "./exit-codes.js";
import {
  hasEnded,
  hasSucceeded,
  operationJson,
  operationOutcome,
  operationProgress,
} from "./operation-view.js";
import { startProgress, type ProgressLine } from "./progress-line.js";
import { RateMeter } from "./progress.js";

/** How long a master may be away before following is given up, in milliseconds. */
const absenceMaxMs = 60_000;

/**
 * Shows an operation's progress until it ends, through restarts of the master. Ctrl-C only stops the showing.
 *
 * `stream`: with `--json`, print every change and not the last alone.
 */
export async function followOperation(
  context: CommandContext,
  operation: Operation,
  options: { readonly stream: boolean },
): Promise<ExitCode> {
  const progress = await startProgress(context.stderr, { quiet: context.json });
  const meter = new RateMeter();
  let latest = operation;
  const show = async (next: Operation): Promise<void> => {
    latest = next;
    meter.add(next.keysMoved, performance.now());
    progress.update(operationProgress(next, meter));
    if (context.json && options.stream) await writeJson(context, operationJson(next));
  };
  // The estimate changes while nothing moves, too.
  const timer = setInterval(() => {
    meter.add(latest.keysMoved, performance.now());
    progress.update(operationProgress(latest, meter));
  }, 1000);
  try {
    await show(operation);
    if (!hasEnded(operation)) await watchUntilEnd(context, operation.id, show, progress);
  } finally {
    clearInterval(timer);
    progress.stop();
  }
  return conclude(context, latest, options);
}

async function conclude(
  context: CommandContext,
  operation: Operation,
  options: { readonly stream: boolean },
): Promise<ExitCode> {
  if (!hasEnded(operation)) {
    await context.stderr.write(
      `The operation goes on without you. Watch it again: ekv operations watch ${operation.id}\n`,
    );
    return exitCodes.interrupted;
  }
  if (!context.json) await context.stdout.write(`${operationOutcome(operation)}\n`);
  else if (!options.stream) await writeJson(context, operationJson(operation));
  return hasSucceeded(operation) ? exitCodes.ok : exitCodes.operationFailed;
}

async function watchUntilEnd(
  context: CommandContext,
  operationId: string,
  show: (operation: Operation) => Promise<void>,
  progress: ProgressLine,
): Promise<void> {
  const admin = await context.session.admin();
  let lastSeenMs = performance.now();
  let noted = false;
  const backoff = new Backoff(backoffs.operationWatch, systemRandom);
  for (;;) {
    try {
      for await (const operation of admin.watchOperation({ operationId }, { signal: context.signal })) {
        lastSeenMs = performance.now();
        noted = false;
        backoff.succeeded();
        await show(operation);
        if (hasEnded(operation)) return;
      }
    } catch (error) {
      if (context.signal.aborted) return;
      if (!isAbsence(error)) throw error;
      if (performance.now() - lastSeenMs > absenceMaxMs) {
        const text = `no master for ${absenceMaxMs / 1000} s; watch again: ekv operations watch ${operationId}`;
        throw new EkvError("UNAVAILABLE", text, { cause: error });
      }
      if (!noted) progress.note("The master is away; the operation goes on when it is back.");
      noted = true;
    }
    if (context.signal.aborted) return;
    await delay(backoff.failed(), undefined, { signal: context.signal }).catch(() => undefined);
  }
}

function isAbsence(error: unknown): boolean {
  return error instanceof EkvError && (error.code === "UNAVAILABLE" || error.code === "DEADLINE_EXCEEDED");
}

import { setTimeout as delay } from "node:timers/promises";
import { EkvError } from "../../services/core/errors.js";
import { writeJson, type CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";

/** Milliseconds between two looks at the stores. */
const pollMs = 200;

/** `ekv stores start <id>`. Throws `DEADLINE_EXCEEDED` when the store does not join in time. */
export async function startStore(context: CommandContext, storeId: string): Promise<ExitCode> {
  const { timeoutMs, signal } = context;
  const endMs = performance.now() + timeoutMs;
  const admin = await context.session.admin();
  const { handle } = await admin.startStore({ storeId }, { deadlineMs: timeoutMs, signal });
  for (;;) {
    const { stores } = await admin.listStores({}, { deadlineMs: timeoutMs, signal });
    const store = stores.find((other) => other.storeId === storeId);
    if (store?.alive === true) break;
    if (performance.now() >= endMs) {
      const reason = store?.problems.join("; ") ?? "";
      throw new EkvError(
        "DEADLINE_EXCEEDED",
        `${storeId} was started (${handle}) and has not joined the cluster within ${timeoutMs} ms` +
          `${reason === "" ? "" : `: ${reason}`}; see its log, or ekv stores`,
      );
    }
    await delay(pollMs, undefined, { signal });
  }
  if (context.json) await writeJson(context, { storeId, started: handle !== "", handle });
  else
    await context.stdout.write(
      handle === "" ? `${storeId} is up already.\n` : `${storeId} is up (${handle}).\n`,
    );
  return exitCodes.ok;
}

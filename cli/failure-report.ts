import type { CommandContext } from "./context.js";
import { exitCodeOf, exitCodes, type ExitCode } from "./exit-codes.js";
import { describeFailure } from "./failure.js";
import { hintFor } from "./hint.js";
import { OutputError } from "./output.js";

/** Whether a command line asks for JSON, also when it cannot be parsed. */
export function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).includes("--json");
}

/** Prints an error on stderr as `--json` or its absence asks, and gives the exit status. */
export async function reportFailure(
  error: unknown,
  context: Pick<CommandContext, "stderr" | "json" | "signal">,
): Promise<ExitCode> {
  if (context.signal.aborted) {
    const text = context.json ? JSON.stringify({ error: interruption }) : `ekv: ${interruption.message}`;
    await context.stderr.write(`${text}\n`);
    return exitCodes.interrupted;
  }
  if (error instanceof OutputError && error.isReaderGone) return exitCodes.ok;
  const failure = describeFailure(error);
  if (context.json) {
    await context.stderr.write(`${JSON.stringify(failure)}\n`);
  } else {
    const hint = hintFor(error);
    await context.stderr.write(`ekv: ${failure.error.message}\n${hint === undefined ? "" : `${hint}\n`}`);
  }
  return exitCodeOf(error);
}

const interruption = { code: "CANCELLED", message: "interrupted", violations: [] } as const;

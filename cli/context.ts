import type { Readable } from "node:stream";
import type { ExitCode } from "./exit-codes.js";
import type { Environment, Output } from "./output.js";
import type { Session } from "./session.js";

/** What a command gets besides its arguments. */
export interface CommandContext {
  /** Undefined in the shell, whose terminal is taken. */
  readonly stdin: (Readable & { readonly isTTY?: boolean }) | undefined;
  /** Results. */
  readonly stdout: Output;
  /** Progress, notes and errors. */
  readonly stderr: Output;
  readonly environment: Environment;
  readonly session: Session;
  /** Print JSON on stdout: one object, or one a line for streams. */
  readonly json: boolean;
  readonly seeds: readonly string[];
  /** Per call, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
}

/** What runs a command: given a context, does the work and says the exit status. */
export type CommandBody = (context: CommandContext) => Promise<ExitCode>;

/** Writes one JSON value as a line on stdout. */
export function writeJson(context: CommandContext, value: unknown): Promise<void> {
  return context.stdout.write(`${JSON.stringify(value)}\n`);
}

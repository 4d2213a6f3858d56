import { createRequire } from "node:module";
import type { Readable } from "node:stream";
import { CommanderError } from "commander";
import { EkvError } from "../services/core/errors.js";
import type { CommandBody } from "./context.js";
import { exitCodes, type ExitCode } from "./exit-codes.js";
import type { CommandHost, CommandLines, GlobalOptions } from "./command-host.js";
import { asksForJson, reportFailure } from "./failure-report.js";
import type { Environment, Output } from "./output.js";
import { createProgram } from "./program.js";
import { createSession, type Session, type SessionOptions } from "./session.js";

/** What a run of `ekv` reads, writes and heeds. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  readonly environment: Environment;
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** Called when the command that runs will take its time after an interrupt. */
  readonly onGraceful?: () => void;
  /** Default: connect to the seeds. */
  readonly openSession?: (options: SessionOptions) => Session;
}

/** Runs one command line, without node and script name. Prints what goes wrong; never throws. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  const run = async (globals: GlobalOptions, body: CommandBody): Promise<void> => {
    const session = (terminal.openSession ?? createSession)(globals);
    try {
      exitCode = await body({ ...terminal, ...globals, json: globals.json === true, session });
    } finally {
      await session.close();
    }
  };
  const host: CommandHost = {
    run(command, body, options) {
      if (options?.graceful) terminal.onGraceful?.();
      return run(command.optsWithGlobals<GlobalOptions>(), body);
    },
    lines,
  };
  try {
    await parseArguments(host, args, { ...terminal, inShell: false });
    await terminal.stdout.flush();
    return exitCode;
  } catch (error) {
    // What was printed before goes first; if it cannot, the first failure is still the one to report.
    await terminal.stdout.flush().catch(() => undefined);
    return reportFailure(error, { ...terminal, json: asksForJson(args) });
  } finally {
    await terminal.stderr.flush();
  }
}

/** What `ekv shell` reads its lines with. */
const lines: CommandLines = {
  program: () => createProgram({ run: () => Promise.resolve(), lines }, { version: "", inShell: true }),
  run: (host, words, stdout) => parseArguments(host, words, { stdout, inShell: true }),
};

/** Parses a command line and runs what it names. Help goes to stdout; a usage error is thrown as `INVALID_ARGUMENT`. */
async function parseArguments(
  host: CommandHost,
  args: readonly string[],
  options: { readonly stdout: Output; readonly inShell: boolean },
): Promise<void> {
  let helpText = "";
  let usageText = "";
  const program = createProgram(host, { version: packageVersion(), inShell: options.inShell });
  for (const command of [
    program,
    ...program.commands,
    ...program.commands.flatMap((child) => child.commands),
  ]) {
    command.configureOutput({
      writeOut: (text) => {
        helpText += text;
      },
      writeErr: (text) => {
        usageText += text;
      },
      getOutHelpWidth: () => options.stdout.columns,
      getErrHelpWidth: () => options.stdout.columns,
      getOutHasColors: () => options.stdout.colour,
    });
  }
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usageError(error, usageText);
  }
  if (helpText !== "") await options.stdout.write(helpText);
}

function usageError(error: CommanderError, text: string): EkvError {
  const message = (text === "" ? error.message : text).trim().replace(/^error: /, "");
  return new EkvError("INVALID_ARGUMENT", message, { notExecuted: true, cause: error });
}

function packageVersion(): string {
  const load = createRequire(import.meta.url);
  const { version } = load("../../package.json") as { readonly version: string };
  return version;
}

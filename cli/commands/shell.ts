import { createInterface, type Interface } from "node:readline";
import { invalidArgument } from "../../services/core/errors.js";
import { modelOf, type CommandModel } from "../completion.js";
import type { CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";
import { asksForJson, reportFailure } from "../failure-report.js";
import { escapeBytes } from "../key-text.js";
import type { CommandHost, CommandLines, GlobalOptions } from "../command-host.js";
import { OutputError } from "../output.js";
import { candidatesFor } from "../shell/candidates.js";
import { historyLinesMax, openHistory } from "../shell/history.js";
import { quoteWord, splitWords } from "../shell/words.js";

/** Keys offered by one completion, and how long they may take to come, in milliseconds. */
const keysOfferedMax = 50;
const keysWaitMs = 1000;

/** `ekv shell`: runs lines until `exit`, Ctrl-D or the end of stdin. */
export async function shell(context: CommandContext, lines: CommandLines): Promise<ExitCode> {
  const { stdin } = context;
  if (!stdin) throw invalidArgument("shell", "does not run inside itself");
  return stdin.isTTY === true ? interactive(context, lines) : script(context, lines, stdin);
}

async function script(
  context: CommandContext,
  lines: CommandLines,
  stdin: NodeJS.ReadableStream,
): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  for await (const line of createInterface({ input: stdin, signal: context.signal })) {
    if (context.signal.aborted) return exitCodes.interrupted;
    if (isExit(line)) break;
    exitCode = await runLine(context, lines, line, context.signal);
  }
  return exitCode;
}

async function interactive(context: CommandContext, lines: CommandLines): Promise<ExitCode> {
  const history = await openHistory(context.environment, (text) => {
    context.stderr.stream.write(`${text}\n`);
  });
  const model = modelOf(lines.program());
  const reader = createInterface({
    input: context.stdin as NodeJS.ReadableStream,
    output: context.stdout.stream,
    prompt: "ekv> ",
    history: [...history.lines],
    historySize: historyLinesMax,
    signal: context.signal,
    removeHistoryDuplicates: true,
    completer: (line: string, done: (error: Error | null, result: [string[], string]) => void) => {
      complete(context, model, line).then(
        (result) => done(null, result),
        // A cluster that does not answer has no keys to offer.
        () => done(null, [[], line]),
      );
    },
  });
  let typed: readonly string[] = [];
  reader.on("history", (all) => {
    typed = [...all];
  });
  await context.stdout.write("Type `help` for the commands, Tab to complete, Ctrl-D to leave.\n");
  try {
    return await converse(context, lines, reader);
  } finally {
    reader.close();
    if (typed.length > 0) await history.save(typed);
  }
}

/** Prompts and runs one line after the other; Ctrl-C ends the command that runs, or clears the line. */
async function converse(context: CommandContext, lines: CommandLines, reader: Interface): Promise<ExitCode> {
  let running: AbortController | undefined;
  let closed = false;
  reader.on("SIGINT", () => {
    if (running) {
      running.abort();
      return;
    }
    reader.write(null, { ctrl: true, name: "e" });
    reader.write(null, { ctrl: true, name: "u" });
    context.stdout.stream.write("\n");
    reader.prompt();
  });
  reader.on("close", () => {
    closed = true;
    running?.abort();
  });
  reader.prompt();
  for await (const line of reader) {
    if (isExit(line)) return exitCodes.ok;
    running = new AbortController();
    await runLine(context, lines, line, running.signal);
    running = undefined;
    if (closed) break;
    reader.prompt();
  }
  await context.stdout.write("\n");
  return exitCodes.ok;
}

function isExit(line: string): boolean {
  return line.trim() === "exit" || line.trim() === "quit";
}

async function runLine(
  context: CommandContext,
  lines: CommandLines,
  line: string,
  signal: AbortSignal,
): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  let json = context.json;
  const host: CommandHost = {
    async run(command, body) {
      json ||= command.optsWithGlobals<GlobalOptions>().json === true;
      exitCode = await body({ ...context, stdin: undefined, json, signal });
    },
    lines,
  };
  try {
    const typed = splitWords(line).words;
    // As in the examples of the help.
    const words = typed[0] === "ekv" ? typed.slice(1) : typed;
    if (words.length === 0 || words[0]?.startsWith("#")) return exitCode;
    json ||= asksForJson(words);
    await lines.run(host, words, context.stdout);
    return exitCode;
  } catch (error) {
    // Without its output the whole shell is over, not one line of it.
    if (error instanceof OutputError) throw error;
    return reportFailure(error, { ...context, json, signal });
  }
}

/** Candidates in the shape that readline wants: full texts, and the part of the line they replace. */
async function complete(
  context: CommandContext,
  model: CommandModel,
  line: string,
): Promise<[string[], string]> {
  const { typed, names, keyPrefix } = candidatesFor(model, line);
  const keys = keyPrefix === undefined ? [] : await keysBeginningWith(context, keyPrefix);
  return [[...names, ...keys.map(quoteWord)], typed];
}

/** Keys that can be typed; others are left out. */
async function keysBeginningWith(context: CommandContext, prefix: string): Promise<string[]> {
  const client = await context.session.client();
  const keys: string[] = [];
  const entries = client.scan({
    prefix,
    limit: keysOfferedMax,
    keysOnly: true,
    signal: AbortSignal.timeout(keysWaitMs),
  });
  for await (const { key } of entries) {
    const text = key.toString("utf8");
    if (escapeBytes(key) === text) keys.push(text);
  }
  return keys.sort();
}

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Client } from "../../client/index.js";
import { EkvError, invalidArgument } from "../../services/core/errors.js";
import { writeJson, type CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";
import { fileFailure } from "../failure.js";
import { startProgress } from "../progress-line.js";
import { etaMsOf, formatEta, formatRate, RateMeter, type ProgressView } from "../progress.js";
import { formatBytes, formatCount, formatDuration, formatNoun } from "../quantities.js";
import {
  formatOf,
  type CsvEncoding,
  type ReadItem,
  type TransferEntry,
  type TransferFormat,
} from "../transfer/entry.js";
import { Window } from "../transfer/window.js";

/** Options of `ekv import`. */
export interface ImportOptions {
  readonly format?: TransferFormat;
  readonly encoding: CsvEncoding;
  readonly skipBad?: true;
}

/** Writes under way at once, and the bytes they may hold: enough to keep every store busy, little to hold. */
const callsInFlightMax = 1024;
const bytesInFlightMax = 33_554_432;
/** How many bad lines are named; the rest are only counted. */
const badLinesShownMax = 10;

/** What an import did. */
interface ImportResult {
  imported: number;
  bad: number;
  /** Entries whose time to live was over. */
  expired: number;
}

/** `ekv import <file>`: writes every entry of a file. */
export async function importEntries(
  context: CommandContext,
  path: string,
  options: ImportOptions,
): Promise<ExitCode> {
  const source = await openSource(context, path);
  const client = await context.session.client();
  const startedMs = performance.now();
  const result: ImportResult = { imported: 0, bad: 0, expired: 0 };
  const progress = await startProgress(context.stderr, { quiet: context.json });
  const meter = new RateMeter();
  meter.add(0, startedMs);
  const timer = setInterval(() => {
    meter.add(result.imported, performance.now());
    progress.update(viewOf(result, meter, source, performance.now() - startedMs));
  }, 200);
  try {
    const items = await readItems(source, path, options);
    await writeItems(context, client, items, result, options.skipBad === true, (text) => progress.note(text));
  } catch (error) {
    throw withCount(fileFailure(path, error), result);
  } finally {
    clearInterval(timer);
    progress.stop();
  }
  await report(context, result, performance.now() - startedMs);
  return context.signal.aborted ? exitCodes.interrupted : exitCodes.ok;
}

interface Source {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Undefined for stdin. */
  readonly bytesTotal: number | undefined;
  bytesRead: number;
}

async function openSource(context: CommandContext, path: string): Promise<Source> {
  if (path === "-" && !context.stdin) throw invalidArgument("file", "stdin is not available here");
  const stdin = path === "-" ? context.stdin : undefined;
  let bytesTotal: number | undefined;
  if (!stdin) {
    try {
      bytesTotal = (await stat(path)).size;
    } catch (error) {
      throw fileFailure(path, error);
    }
  }
  const input: AsyncIterable<Uint8Array> = stdin ?? createReadStream(path, { highWaterMark: 262_144 });
  const source: Source = { chunks: countChunks(), bytesTotal, bytesRead: 0 };
  async function* countChunks(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of input) {
      if (context.signal.aborted) return;
      source.bytesRead += chunk.length;
      yield chunk;
    }
  }
  return source;
}

async function readItems(
  source: Source,
  path: string,
  options: ImportOptions,
): Promise<AsyncIterable<ReadItem>> {
  if (formatOf(path, options.format) === "csv") {
    return (await import("../transfer/csv.js")).readCsv(source.chunks, options.encoding);
  }
  return (await import("../transfer/ndjson.js")).readNdjson(source.chunks);
}

async function writeItems(
  context: CommandContext,
  client: Client<Buffer>,
  items: AsyncIterable<ReadItem>,
  result: ImportResult,
  skipBad: boolean,
  note: (text: string) => void,
): Promise<void> {
  const window = new Window(callsInFlightMax, bytesInFlightMax);
  const refuse = (line: number, problem: string): void => {
    const text = `line ${line}: ${problem}`;
    if (!skipBad) throw new EkvError("INVALID_ARGUMENT", text, { notExecuted: true });
    result.bad += 1;
    if (result.bad <= badLinesShownMax) note(text);
  };
  const write = async (line: number, entry: TransferEntry): Promise<void> => {
    const ttlMs = entry.expiresAtMs === 0 ? 0 : entry.expiresAtMs - Date.now();
    if (ttlMs < 0 || (ttlMs === 0 && entry.expiresAtMs > 0)) {
      result.expired += 1;
      return;
    }
    try {
      await client.put(entry.key, entry.value, ttlMs > 0 ? { ttlMs } : {});
      result.imported += 1;
    } catch (error) {
      if (!(error instanceof EkvError)) throw error;
      if (error.code === "INVALID_ARGUMENT") refuse(line, error.message);
      else throw new EkvError(error.code, `line ${line}: ${error.message}`, { cause: error });
    }
  };
  try {
    for await (const item of items) {
      if (context.signal.aborted || window.failed) break;
      if ("problem" in item) {
        refuse(item.line, item.problem);
      } else {
        const { line, entry } = item;
        await window.start(entry.key.length + entry.value.length, () => write(line, entry));
      }
    }
  } finally {
    // Also after a bad line: what was sent is finished, so that the count that is reported is right.
    await window.drain();
  }
}

function withCount(error: unknown, result: ImportResult): unknown {
  if (!(error instanceof EkvError)) return error;
  const message = `${error.message} (${formatNoun(result.imported, "key")} imported before)`;
  return new EkvError(error.code, message, {
    notExecuted: error.notExecuted,
    violations: error.violations,
    cause: error,
  });
}

function viewOf(result: ImportResult, meter: RateMeter, source: Source, elapsedMs: number): ProgressView {
  const { bytesTotal, bytesRead } = source;
  const parts = [`${formatCount(result.imported)} keys`, formatRate(meter.perSecond(), "keys")];
  if (bytesTotal === undefined) {
    return { title: "import", fraction: undefined, parts: [...parts, formatBytes(bytesRead)] };
  }
  const eta = etaMsOf(bytesRead, bytesTotal, (bytesRead * 1000) / Math.max(1, elapsedMs));
  return {
    title: "import",
    fraction: bytesTotal === 0 ? 1 : bytesRead / bytesTotal,
    parts: [...parts, formatEta(eta), `${formatBytes(bytesRead)} of ${formatBytes(bytesTotal)}`],
  };
}

async function report(context: CommandContext, result: ImportResult, durationMs: number): Promise<void> {
  if (context.json) {
    await writeJson(context, {
      ...result,
      durationMs: Math.round(durationMs),
      interrupted: context.signal.aborted,
    });
    return;
  }
  const extra = [
    result.bad > 0 && `${formatNoun(result.bad, "bad line")} skipped`,
    result.expired > 0 && `${formatNoun(result.expired, "expired key")} left out`,
    context.signal.aborted && "interrupted before the end",
  ].filter((part) => part !== false);
  const rate = formatRate((result.imported * 1000) / Math.max(1, durationMs), "keys");
  const head = `Imported ${formatNoun(result.imported, "key")} in ${formatDuration(durationMs)} (${rate})`;
  await context.stdout.write(`${[head, ...extra].join("; ")}.\n`);
}

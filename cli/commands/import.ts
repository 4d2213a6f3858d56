import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { EkvError, invalidArgument } from "../../services/core/errors.js";
import { writeJson, type CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";
import { fileFailure } from "../failure.js";
import { startProgress } from "../progress-line.js";
import { etaMsOf, formatEta, formatRate, RateMeter, type ProgressView } from "../progress.js";
import { formatBytes, formatDuration, formatNoun } from "../quantities.js";
import { EntryWriter, type ImportCounts } from "../transfer/entry-writer.js";
import { formatOf, type CsvEncoding, type ReadItem, type TransferFormat } from "../transfer/entry.js";

/** Options of `ekv import`. */
export interface ImportOptions {
  readonly format?: TransferFormat;
  readonly encoding: CsvEncoding;
  readonly skipBad?: true;
  /** How long a line is tried again while its store is away. */
  readonly repeatForMs: number;
}

/** How many bad lines are named; the rest are only counted. */
const badLinesShownMax = 10;

/** `ekv import <file>`: writes every entry of a file. */
export async function importEntries(
  context: CommandContext,
  path: string,
  options: ImportOptions,
): Promise<ExitCode> {
  const source = await openSource(context, path);
  const client = await context.session.client();
  const startedMs = performance.now();
  const progress = await startProgress(context.stderr, { quiet: context.json });
  const writer = new EntryWriter({
    client,
    signal: context.signal,
    repeatForMs: options.repeatForMs,
    onBad: (line, problem) => {
      const text = `line ${line}: ${problem}`;
      if (!options.skipBad) throw new EkvError("INVALID_ARGUMENT", text, { notExecuted: true });
      if (writer.counts.bad < badLinesShownMax) progress.note(text);
    },
    onNote: (text) => {
      if (!context.json) progress.note(text);
    },
  });
  const { counts } = writer;
  const meter = new RateMeter();
  meter.add(0, startedMs);
  const timer = setInterval(() => {
    meter.add(counts.imported, performance.now());
    progress.update(viewOf(counts, meter, source, performance.now() - startedMs));
  }, 200);
  try {
    await writer.writeAll(await readItems(source, path, options));
  } catch (error) {
    throw withCount(fileFailure(path, error), counts);
  } finally {
    clearInterval(timer);
    progress.stop();
  }
  await report(context, counts, performance.now() - startedMs);
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

function withCount(error: unknown, counts: ImportCounts): unknown {
  if (!(error instanceof EkvError)) return error;
  const message = `${error.message} (${formatNoun(counts.imported, "key")} imported before)`;
  return new EkvError(error.code, message, {
    notExecuted: error.notExecuted,
    violations: error.violations,
    cause: error,
  });
}

function viewOf(counts: ImportCounts, meter: RateMeter, source: Source, elapsedMs: number): ProgressView {
  const { bytesTotal, bytesRead } = source;
  const parts = [formatNoun(counts.imported, "key"), formatRate(meter.perSecond(), "keys")];
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

async function report(context: CommandContext, counts: ImportCounts, durationMs: number): Promise<void> {
  if (context.json) {
    await writeJson(context, {
      ...counts,
      durationMs: Math.round(durationMs),
      interrupted: context.signal.aborted,
    });
    return;
  }
  const extra = [
    counts.bad > 0 && `${formatNoun(counts.bad, "bad line")} skipped`,
    counts.repeated > 0 && `${formatNoun(counts.repeated, "write")} repeated`,
    counts.expired > 0 && `${formatNoun(counts.expired, "expired key")} left out`,
    context.signal.aborted && "interrupted before the end",
  ].filter((part) => part !== false);
  const rate = formatRate((counts.imported * 1000) / Math.max(1, durationMs), "keys");
  const head = `Imported ${formatNoun(counts.imported, "key")} in ${formatDuration(durationMs)} (${rate})`;
  await context.stdout.write(`${[head, ...extra].join("; ")}.\n`);
}

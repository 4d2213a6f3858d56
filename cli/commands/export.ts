import type { CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";
import { fileFailure } from "../failure.js";
import { argumentBytes } from "../key-argument.js";
import { startProgress } from "../progress-line.js";
import { etaMsOf, formatEta, formatOf as formatDone, formatRate, RateMeter } from "../progress.js";
import { formatBytes, formatDuration, formatNoun } from "../quantities.js";
import { formatOf, type CsvEncoding, type TransferEntry, type TransferFormat } from "../transfer/entry.js";
import { fileSink, outputSink } from "../transfer/sink.js";

/** Options of `ekv export`. */
export interface ExportOptions {
  readonly format?: TransferFormat;
  readonly encoding: CsvEncoding;
  readonly prefix?: string;
}

/** Bytes gathered before a write, so that small entries do not cost a system call each. */
const writeBytesTarget = 65_536;

/** `ekv export <file>`: writes every key with its value to a file. A file appears only when it is complete. */
export async function exportEntries(
  context: CommandContext,
  path: string,
  options: ExportOptions,
): Promise<ExitCode> {
  const { encode, header } = await encoderOf(path, options);
  const client = await context.session.client();
  const keysTotal = options.prefix === undefined ? await countKeys(context) : undefined;
  const startedMs = performance.now();
  const sink = path === "-" ? outputSink(context.stdout) : await fileSink(path);
  const progress = await startProgress(context.stderr, { quiet: context.json || !context.stderr.isTerminal });
  const meter = new RateMeter();
  meter.add(0, startedMs);
  const done = { keys: 0, bytes: 0 };
  const timer = setInterval(() => {
    meter.add(done.keys, performance.now());
    progress.update(viewOf(done, keysTotal, meter.perSecond()));
  }, 200);
  try {
    let pending = header;
    const entries = client.scan({
      signal: context.signal,
      ...(options.prefix !== undefined && {
        prefix: argumentBytes("prefix", options.prefix, "export without --prefix"),
      }),
    });
    for await (const entry of entries) {
      pending += encode(entry);
      done.keys += 1;
      if (pending.length < writeBytesTarget) continue;
      done.bytes += pending.length;
      await sink.write(pending);
      pending = "";
    }
    done.bytes += pending.length;
    await sink.write(pending);
    await sink.complete();
  } catch (error) {
    await sink.abandon();
    throw fileFailure(path, error);
  } finally {
    clearInterval(timer);
    progress.stop();
  }
  await report(context, path, done, performance.now() - startedMs);
  return exitCodes.ok;
}

async function encoderOf(
  path: string,
  options: ExportOptions,
): Promise<{ readonly encode: (entry: TransferEntry) => string; readonly header: string }> {
  if (formatOf(path, options.format) === "csv") {
    const { csvHeader, encodeCsv } = await import("../transfer/csv.js");
    return { encode: (entry) => encodeCsv(entry, options.encoding), header: csvHeader };
  }
  return { encode: (await import("../transfer/ndjson.js")).encodeNdjson, header: "" };
}

/** For the progress only: with the master down there is none. */
async function countKeys(context: CommandContext): Promise<number | undefined> {
  if (!context.stderr.isTerminal || context.json) return undefined;
  try {
    const admin = await context.session.admin();
    return (await admin.getClusterStatus({})).keys;
  } catch {
    return undefined;
  }
}

function viewOf(
  done: { readonly keys: number; readonly bytes: number },
  keysTotal: number | undefined,
  perSecond: number,
): { title: string; fraction: number | undefined; parts: string[] } {
  const rate = formatRate(perSecond, "keys");
  if (!keysTotal) {
    const parts = [formatNoun(done.keys, "key"), rate, formatBytes(done.bytes)];
    return { title: "export", fraction: undefined, parts };
  }
  const eta = formatEta(etaMsOf(done.keys, keysTotal, perSecond));
  return {
    title: "export",
    fraction: Math.min(1, done.keys / keysTotal),
    parts: [formatDone(done.keys, keysTotal, "keys"), rate, eta, formatBytes(done.bytes)],
  };
}

/** On stderr when the entries went to stdout. */
async function report(
  context: CommandContext,
  path: string,
  done: { readonly keys: number; readonly bytes: number },
  durationMs: number,
): Promise<void> {
  const output = path === "-" ? context.stderr : context.stdout;
  const text = context.json
    ? JSON.stringify({ exported: done.keys, bytes: done.bytes, durationMs: Math.round(durationMs) })
    : `Exported ${formatNoun(done.keys, "key")} in ${formatDuration(durationMs)}.`;
  if (path !== "-" || context.json || context.stderr.isTerminal) await output.write(`${text}\n`);
}

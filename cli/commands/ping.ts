import { writeJson, type CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";
import { paletteFor, type Palette } from "../output.js";
import { findTargets, measureRoundTrips, quantile } from "../ping-probe.js";
import { formatTable } from "../table.js";

/** Round-trip times to one process, in milliseconds. */
export interface PingResult {
  /** `master`, or the store's id. */
  readonly name: string;
  readonly address: string;
  readonly calls: number;
  readonly failures: number;
  /** Null when every call failed. */
  readonly minMs: number | null;
  readonly medianMs: number | null;
  readonly p99Ms: number | null;
  /** Why the last failed call failed; null when none did. */
  readonly error: string | null;
}

/** `ekv ping`: calls the masters among the seeds and every store, one call after the other. */
export async function ping(context: CommandContext, options: { readonly count: number }): Promise<ExitCode> {
  const targets = await findTargets(context.seeds, context);
  const results: PingResult[] = [];
  for (const target of targets) {
    if (context.signal.aborted) break;
    const { timesMs, failures, error } = await measureRoundTrips(target, options.count, context);
    const sorted = timesMs.sort((a, b) => a - b);
    results.push({
      name: target.name,
      address: target.address,
      calls: sorted.length + failures,
      failures,
      minMs: sorted[0] ?? null,
      medianMs: quantile(sorted, 0.5) ?? null,
      p99Ms: quantile(sorted, 0.99) ?? null,
      error: error?.message ?? null,
    });
  }
  if (context.json) await writeJson(context, { results });
  else await context.stdout.write(formatPings(results, paletteFor(context.stdout)));
  if (context.signal.aborted) return exitCodes.interrupted;
  return results.some((result) => result.minMs === null) ? exitCodes.unavailable : exitCodes.ok;
}

/** The table of `ekv ping`. */
export function formatPings(results: readonly PingResult[], palette: Palette): string {
  const columns = [
    { title: "NAME" },
    { title: "ADDRESS" },
    { title: "CALLS", numeric: true },
    { title: "FAILED", numeric: true },
    { title: "MIN", numeric: true },
    { title: "MEDIAN", numeric: true },
    { title: "P99", numeric: true },
    { title: "ERROR" },
  ] as const;
  const rows = results.map((result) => [
    result.name,
    result.address,
    String(result.calls),
    result.failures > 0 ? palette.bad(String(result.failures)) : "0",
    formatTime(result.minMs),
    formatTime(result.medianMs),
    formatTime(result.p99Ms),
    result.error ?? "",
  ]);
  return formatTable(columns, rows, palette);
}

function formatTime(timeMs: number | null): string {
  return timeMs === null ? "-" : `${timeMs.toFixed(2)} ms`;
}

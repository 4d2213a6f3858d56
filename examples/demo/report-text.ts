import { paletteFor } from "../../cli/output.js";
import { formatBytes, formatCount, formatShare } from "../../cli/quantities.js";
import { formatPairs, formatTable } from "../../cli/table.js";
import type { LatencySummary } from "./latency.js";
import type { Report, StepSummary } from "./report.js";

/** The report for people. Ends with a newline. */
export function formatReport(report: Report, colour: boolean): string {
  const palette = paletteFor({ colour });
  const sections = [formatPairs(overview(report), palette)];
  if (report.steps.length > 0) {
    const numeric = true;
    const columns = [
      { title: "CHANGE" },
      { title: "SECONDS", numeric },
      { title: "PARTITIONS MOVED", numeric },
      { title: "MINIMUM", numeric },
      { title: "KEYS MOVED", numeric },
      { title: "MINIMUM", numeric },
      { title: "MAX/MEAN", numeric },
      { title: "KEYS PER STORE" },
    ] as const;
    sections.push(formatTable(columns, report.steps.map(stepRow), palette));
  }
  const latencyColumns = [
    { title: "LATENCY (MS)" },
    ...["CALLS", "CALLS/S", "P50", "P99", "P99.9", "MAX", "LONGEST GAP", "CLIENT BUSY"].map(
      (title) => ({ title, numeric: true }) as const,
    ),
  ];
  const { before, during, between, after } = report.latency;
  const rows = [
    latencyRow("before moves", before),
    latencyRow("during moves", during),
    latencyRow("between moves", between),
    latencyRow("after moves", after),
  ];
  sections.push(formatTable(latencyColumns, rows, palette));
  const details = [
    ...report.failures.map(({ call, key, what }) => `failed: ${call} ${key}: ${what}\n`),
    ...report.wrongAnswers.map(({ call, key, what }) => `wrong: ${call} ${key} ${what}\n`),
    ...report.problems.map((problem) => `problem: ${problem}\n`),
  ].join("");
  if (details !== "") sections.push(details);
  sections.push(`${report.ok ? palette.good("PASSED") : palette.bad("FAILED")}: ${verdict(report)}\n`);
  return sections.join("\n");
}

function overview(report: Report): [string, string][] {
  const { data, imported, moved, calls, verification, handoffPauses } = report;
  return [
    ["seed", String(report.seed)],
    [
      "data",
      `${formatCount(data.keys)} keys: ${formatCount(data.cities)} cities, ${formatCount(data.words)} words`,
    ],
    [
      "import",
      imported
        ? `${imported.seconds.toFixed(1)} s, ${formatCount(imported.keysPerSecond)} keys/s`
        : "did not end",
    ],
    ["clients", `${formatCount(report.clients)}, ${formatShare(report.readFraction)} of their calls read`],
    ["calls", formatCount(calls.total)],
    ["failures", formatCount(calls.failures)],
    ["wrong answers", formatCount(calls.wrongAnswers)],
    [
      "unnoticed",
      `${formatCount(calls.retries)} calls sent again by the SDK, ${formatCount(calls.redirects)} because the key had moved`,
    ],
    [
      "moved",
      `${formatCount(moved.moves)} partitions (${moved.movesOverMinimum.toFixed(3)} × minimum), ` +
        `${formatCount(moved.keys)} keys (${moved.keysOverMinimum.toFixed(3)} × minimum), ` +
        `${formatCount(moved.keysPerSecond)} keys/s`,
    ],
    [
      "hand-off pause",
      `p50 ${formatMs(handoffPauses.p50Ms)}, p99 ${formatMs(handoffPauses.p99Ms)}, ` +
        `max ${formatMs(handoffPauses.maxMs)} ms, of ${formatCount(handoffPauses.count)} hand-offs`,
    ],
    [
      "verified",
      verification
        ? `${formatCount(verification.keysRead)} keys read; scan found ${formatCount(verification.keysScanned)} ` +
          `of ${formatCount(verification.keysExpected)}`
        : "not reached",
    ],
    ["duration", `${report.seconds.toFixed(1)} s`],
  ];
}

function stepRow(step: StepSummary): string[] {
  return [
    `${step.step} ${step.storeId}`,
    step.seconds.toFixed(1),
    formatCount(step.moves),
    formatCount(step.movesMinimum),
    `${formatCount(step.keysMoved)} (${formatBytes(step.bytesMoved)})`,
    formatCount(step.keysMinimum),
    step.balance.maxOverMean.toFixed(3),
    step.balance.stores.map((store) => `${store.storeId} ${formatCount(store.keys)}`).join(", "),
  ];
}

function latencyRow(phase: string, summary: LatencySummary): string[] {
  const { p50Ms, p99Ms, p999Ms, maxMs, longestGapMs } = summary;
  return [
    phase,
    formatCount(summary.calls),
    formatCount(summary.callsPerSecond),
    ...[p50Ms, p99Ms, p999Ms, maxMs, longestGapMs].map(formatMs),
    formatShare(summary.clientBusy),
  ];
}

function formatMs(ms: number): string {
  return ms.toFixed(ms < 10 ? 2 : 1);
}

function verdict({ calls, problems }: Report): string {
  const parts = [
    `${formatCount(calls.failures)} failed calls`,
    `${formatCount(calls.wrongAnswers)} wrong answers`,
  ];
  if (problems.length > 0) parts.push(`${problems.length} problems`);
  return parts.join(", ");
}

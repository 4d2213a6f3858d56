import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { barHead, barRow } from "./bar.js";
import { type Conditions, loadAverage } from "./conditions.js";
import type { Findings, FindingsTable } from "./findings.js";
import { textTable } from "./table.js";

/** What is published: findings, and how they came about. */
export interface Publication {
  readonly bench: string;
  /** The command that repeats it. */
  readonly command: string;
  readonly conditions: Conditions;
  readonly findings: Findings;
}

/** Everything as text for the screen. */
export function screenText({ findings }: Publication): string {
  const tables = tablesOf(findings).map(({ title, head, rows }) =>
    textTable([title, ...head.slice(1)], rows),
  );
  return [...tables, ...findings.remarks].map((part) => `${part}\n`).join("\n");
}

/** Writes `<bench>.md`, `<bench>.json` and a `<bench>-<plot>.svg` for each plot. */
export async function writePublication(folder: string, publication: Publication): Promise<void> {
  const { bench, command, conditions, findings } = publication;
  await mkdir(folder, { recursive: true });
  const { options, bars, data, remarks } = findings;
  const result = {
    bench,
    command,
    ...conditions,
    loadAverageAfter: loadAverage(),
    options,
    bars,
    remarks,
    data,
  };
  await writeFile(join(folder, `${bench}.json`), `${JSON.stringify(result, forFile, 1)}\n`);
  await writeFile(join(folder, `${bench}.md`), page(publication));
  for (const { name, svg } of findings.plots) await writeFile(join(folder, `${bench}-${name}.svg`), svg);
}

/** Four significant digits are more than the figures hold; a latency curve is in its plot. */
function forFile(name: string, value: unknown): unknown {
  if (name === "curve") return undefined;
  if (typeof value !== "number" || Number.isInteger(value)) return value;
  return Number(value.toPrecision(4));
}

function tablesOf({ bars, tables }: Findings): FindingsTable[] {
  return bars.length === 0
    ? [...tables]
    : [...tables, { title: "bars", head: barHead, rows: bars.map(barRow) }];
}

/** The findings as a Markdown page, with the plots in it. */
function page({ bench, command, conditions, findings }: Publication): string {
  const { machine, versions, startedAt, loadAverageBefore } = conditions;
  const sections = [
    `# bench ${bench}`,
    `\`\`\`sh\n${command}\n\`\`\``,
    `${startedAt}, on ${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.kernel}; load average ` +
      `${loadAverageBefore} before, ${loadAverage()} after.`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(" · "),
    `Options: ${Object.entries(findings.options)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ")}.`,
    ...findings.remarks,
    ...tablesOf(findings).map(markdownTable),
    ...findings.plots.map(({ name, title }) => `![${title}](${bench}-${name}.svg)`),
  ];
  return `${sections.join("\n\n")}\n`;
}

function markdownTable({ title, head, rows }: FindingsTable): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = line(head.map((_, column) => (column === 0 ? "---" : "--:")));
  return [`## ${title}`, "", line(head), rule, ...rows.map(line)].join("\n");
}

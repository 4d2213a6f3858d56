import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { benches } from "./benches/all.js";
import { takeFlag, takeText, UsageError } from "./options.js";
import { barsVerdict } from "./report/bar.js";
import { currentConditions } from "./report/conditions.js";
import { screenText, writePublication } from "./report/publication.js";

const badUsageStatus = 2;
const interruptedStatus = 130;

function usage(): string {
  const width = Math.max(...benches.map(({ name }) => name.length));
  const lines = benches.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}\n`);
  return (
    "usage: npm run bench -- <name> [--bars] [--profile <folder>] [--out <folder>] [options]\n\n" +
    `${lines.join("")}\n--bars: exit with 1 when a bar of the bench is missed\n`
  );
}

function takeFolder(args: string[], name: string): string | undefined {
  const folder = takeText(args, name);
  return folder === undefined ? undefined : resolve(folder);
}

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  const bench = benches.find((known) => known.name === name);
  if (!bench) {
    process.stderr.write(usage());
    return badUsageStatus;
  }
  const folder = mkdtempSync(join(tmpdir(), "elastic-kv-bench-"));
  // However it ends; the processes that were started are killed before.
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const startedMs = performance.now();
  const note = (text: string): void => {
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    process.stderr.write(`${seconds.padStart(6)} s  ${text}\n`);
  };
  try {
    const args = [...rest];
    const profileFolder = takeFolder(args, "profile");
    const outFolder = takeFolder(args, "out");
    const holdsBars = takeFlag(args, "bars");
    const conditions = await currentConditions();
    const findings = await bench.run({ args, folder, profileFolder, note });
    const command = ["npm run bench --", bench.name, ...args].join(" ");
    const publication = { bench: bench.name, command, conditions, findings };
    process.stdout.write(screenText(publication));
    if (outFolder !== undefined) await writePublication(outFolder, publication);
    if (!holdsBars) return findings.passed ? 0 : 1;
    // In CI nothing may be left out unseen.
    const verdict = barsVerdict(findings.bars, { strict: process.env["CI"] !== undefined });
    process.stdout.write(`\n${verdict.text}\n`);
    return findings.passed && verdict.passed ? 0 : 1;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return badUsageStatus;
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => process.exit(interruptedStatus));
process.exit(await main(process.argv.slice(2)));

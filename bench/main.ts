import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { benches } from "./benches/all.js";
import { UsageError } from "./options.js";

const badUsageStatus = 2;
const interruptedStatus = 130;

function usage(): string {
  const width = Math.max(...benches.map(({ name }) => name.length));
  const lines = benches.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}\n`);
  return `usage: npm run bench -- <name> [--profile <folder>] [options]\n\n${lines.join("")}`;
}

/** Takes `--profile <folder>` out of the arguments. */
function takeProfile(args: readonly string[]): { profileFolder: string | undefined; args: string[] } {
  const at = args.indexOf("--profile");
  if (at < 0) return { profileFolder: undefined, args: [...args] };
  return { profileFolder: resolve(args[at + 1] ?? "."), args: [...args.slice(0, at), ...args.slice(at + 2)] };
}

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  const { profileFolder, args } = takeProfile(rest);
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
    const print = (text: string): void => void process.stdout.write(`${text}\n`);
    return (await bench.run({ args, folder, profileFolder, note, print })) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return badUsageStatus;
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => process.exit(interruptedStatus));
process.exit(await main(process.argv.slice(2)));

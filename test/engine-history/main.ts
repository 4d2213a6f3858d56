import { inspect, parseArgs } from "node:util";
import { type Counts, HistoryFailure, runHistory } from "./history.js";

const help = `npm run test:engine-history -- [options]

Uses storage engines on real files against a plain map: writes, expiry, snapshots, moves between engines, drops, cleaning, eviction,
clean stops and kills, all at once, as a seed draws them. Exit status 1 when an engine and its map differ.

  --seconds N   ends after so many seconds (default 60)
  --seeds N     ends after so many histories
  --first N     the first seed (default: random; it is printed)
  --seed N      this history alone; when it fails, again with everything compared after each step
  --steps N     of each history (default 1500)
`;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seeds: { type: "string" },
    first: { type: "string" },
    seed: { type: "string" },
    steps: { type: "string", default: "1500" },
    help: { type: "boolean", short: "h", default: false },
  },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Returns whether the history went well. */
async function tryOne(seed: number, totals: Counts): Promise<boolean> {
  const steps = Number(values.steps);
  try {
    const counts = await runHistory({ seed, steps, comparesAlways: false });
    for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count;
    return true;
  } catch (error) {
    say(`seed ${seed}: FAILED: ${error instanceof Error ? error.message : String(error)}`);
    if (values.seed !== undefined) say(inspect(error));
    if (error instanceof HistoryFailure) await sayFirst(seed, error.step);
    say(`  again: npm run test:engine-history -- --seed ${seed} --steps ${steps}`);
    return false;
  }
}

/** The failure may have come long before it was seen. */
async function sayFirst(seed: number, steps: number): Promise<void> {
  try {
    await runHistory({ seed, steps, comparesAlways: true });
    say("  compared after each step, it does not fail");
  } catch (error) {
    say(`  compared after each step: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function main(): Promise<number> {
  if (values.help) {
    say(help);
    return 0;
  }
  const first = Number(values.seed ?? values.first ?? Math.floor(Math.random() * 1e9));
  const seeds = values.seed === undefined ? Number(values.seeds ?? Infinity) : 1;
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  const totals: Counts = {};
  say(`engine history: seeds from ${first} on`);
  let seed = first;
  for (
    ;
    seed < first + seeds && (values.seeds !== undefined || seconds() < Number(values.seconds));
    seed += 1
  ) {
    if (!(await tryOne(seed, totals))) return 1;
  }
  say(JSON.stringify(totals));
  say(`${seed - first} histories in ${seconds().toFixed(1)} s: 0 failed`);
  return 0;
}

process.exitCode = await main();

import { inspect, parseArgs } from "node:util";
import { type FaultName, faultNames } from "./faults/faults.js";
import { simulate, type SimulationResult } from "./simulation.js";

const help = `npm run test:sim -- [options]

Runs whole clusters on virtual time, one per seed, under faults drawn by the seed. Exit status 1 when one fails.

  --seeds N           how many (default 20), from --first on
  --first N           the first seed (default: random; it is printed)
  --seed N            this one alone, with the logs of every process when it fails
  --seconds N         virtual seconds of faults in each (default 20)
  --minutes-max N     no new seed after so many real minutes
  --faults A,B        only these kinds of faults; empty: none
  --keep-going        go on after a seed that failed
  --verbose           a line for every seed

docs/simulation.md tells what is simulated, and what is checked.
Faults: ${faultNames.join(", ")}
`;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "20" },
    seed: { type: "string" },
    first: { type: "string" },
    seconds: { type: "string", default: "20" },
    "minutes-max": { type: "string" },
    faults: { type: "string" },
    "keep-going": { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function kindsOf(text: string | undefined): readonly FaultName[] | undefined {
  if (text === undefined) return undefined;
  const kinds = text.split(",").filter((name) => name !== "");
  const unknown = kinds.filter((name) => !(faultNames as readonly string[]).includes(name));
  if (unknown.length > 0)
    throw new Error(`no fault ${unknown.join(", ")}; there are ${faultNames.join(", ")}`);
  return kinds as FaultName[];
}

function describe(result: SimulationResult): string {
  const { seed, failure, events, virtualSeconds, calls, unknown, faults, handOffs, scans, traceHash } =
    result;
  return (
    `seed ${seed}: ${failure ? `FAILED: ${failure.message}` : "ok"} (${events} events, ` +
    `${virtualSeconds.toFixed(0)} s, ${calls} calls, ${unknown} unknown, ${faults} faults, ` +
    `${handOffs} hand-offs, ${scans} scans, trace ${traceHash})`
  );
}

if (values.help) {
  say(help);
  process.exit(0);
}
// A run makes many errors that nobody reads.
if (values.seed === undefined) Error.stackTraceLimit = 0;
const seconds = Number(values.seconds);
const faults = kindsOf(values.faults);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const first = Number(values.seed ?? values.first ?? Math.floor(Math.random() * 1e9));
const startedAt = performance.now();
const untilMs = values["minutes-max"] === undefined ? Infinity : Number(values["minutes-max"]) * 60_000;
say(`simulation: seeds ${first} to ${first + count - 1}, ${seconds} virtual seconds of faults each`);
let failed = 0;
let done = 0;
let events = 0;
for (let i = 0; i < count && performance.now() - startedAt < untilMs; i += 1) {
  const result = await simulate({ seed: first + i, seconds, faults });
  done += 1;
  events += result.events;
  if (values.verbose || result.failure) say(describe(result));
  if (!result.failure) continue;
  failed += 1;
  const { cluster, faultKinds, lines } = result;
  say(`  ${JSON.stringify(cluster)}, faults ${faultKinds.join(",")}`);
  if (values.seed !== undefined) {
    for (const { atUs, text } of lines) say(`  ${(atUs / 1e6).toFixed(6)} ${text}`);
    say(inspect(result.failure));
  }
  say(`  again: npm run test:sim -- --seed ${result.seed} --seconds ${seconds}`);
  if (!values["keep-going"]) break;
}
const tookMs = performance.now() - startedAt;
say(
  `${done} seeds in ${(tookMs / 1000).toFixed(1)} s (${((done * 1000) / tookMs).toFixed(2)} a second, ` +
    `${Math.round((events * 1000) / tookMs)} events a second): ${failed} failed`,
);
process.exitCode = failed > 0 ? 1 : 0;

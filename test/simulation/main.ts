import { availableParallelism } from "node:os";
import { inspect, parseArgs } from "node:util";
import { type FaultName, faultNames } from "./faults/faults.js";
import { runSeeds } from "./seeds.js";
import { simulate, type SimulationResult } from "./simulation.js";

const help = `npm run test:sim -- [options]

Runs whole clusters on virtual time, one per seed, under faults drawn by the seed. Exit status 1 when one fails.

  --seeds N           how many (default 20), from --first on
  --first N           the first seed (default: random; it is printed)
  --seed N            this one alone, with the logs of every process when it fails
  --seconds N         virtual seconds of faults in each (default 20)
  --minutes-max N     ends after so many real minutes; a seed that has not ended is not counted
  --faults A,B        only these kinds of faults; empty: none
  --keep-going        go on after a seed that failed
  --threads N         simulations at a time (default: one a core); with 1 the seeds come in their order
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
    threads: { type: "string", default: String(availableParallelism()) },
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
const seconds = Number(values.seconds);
const faults = kindsOf(values.faults);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const first = Number(values.seed ?? values.first ?? Math.floor(Math.random() * 1e9));
const startedAt = performance.now();
const untilMs =
  values["minutes-max"] === undefined ? Infinity : startedAt + Number(values["minutes-max"]) * 60_000;
say(
  `simulation: seeds ${first} to ${first + count - 1}, ${seconds} virtual seconds of faults each` +
    (untilMs === Infinity ? "" : `, as many as fit in ${values["minutes-max"]} minutes`),
);
let failed = 0;
let done = 0;
let events = 0;

/** Tells a result; returns whether to go on. */
function take(result: SimulationResult): boolean {
  done += 1;
  events += result.events;
  if (values.verbose || result.failure) say(describe(result));
  if (!result.failure) return true;
  failed += 1;
  const { cluster, faultKinds, lines } = result;
  say(`  ${JSON.stringify(cluster)}, faults ${faultKinds.join(",")}`);
  if (values.seed !== undefined) {
    for (const { atUs, text } of lines) say(`  ${(atUs / 1e6).toFixed(6)} ${text}`);
    say(inspect(result.failure));
  }
  say(`  again: npm run test:sim -- --seed ${result.seed} --seconds ${seconds}`);
  return values["keep-going"];
}

if (values.seed !== undefined) take(await simulate({ seed: first, seconds, faults }));
else
  await runSeeds({ first, count, seconds, faults, threads: Number(values.threads), untilMs, onResult: take });
const tookMs = performance.now() - startedAt;
const cpuMs = (process.cpuUsage().user + process.cpuUsage().system) / 1000;
say(
  `${done} seeds in ${(tookMs / 1000).toFixed(1)} s (${((done * 1000) / tookMs).toFixed(2)} a second, ` +
    `${((done * 1000) / cpuMs).toFixed(2)} a second of one core, ${Math.round((events * 1000) / tookMs)} events a second): ` +
    `${failed} failed`,
);
process.exitCode = failed > 0 ? 1 : 0;

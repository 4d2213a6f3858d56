import { parseArgs } from "node:util";
import { tryMutant } from "./laboratory.js";
import { playScenario } from "../scenarios/play.js";
import { scenarios } from "../scenarios/scenarios.js";
import { mutants } from "./mutants.js";

const help = `npm run test:model:mutants -- [options]

Runs the model with one rule broken, seed after seed, until that is found; then the scenarios of rules that random runs seldom need.
Exit status 1 when a mutant lives, or when the model itself fails on the seed that found one.

  --seeds N    gives a mutant up after so many runs (default: its own bound)
  --first N    the first seed (default 1)
  --only TEXT  the mutants and scenarios whose names have this text
  --help       this text
`;

const scenarioSeeds = 30;

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    first: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    help: { type: "boolean", short: "h", default: false },
  },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function main(): number {
  let alive = 0;
  for (const mutant of mutants.filter(({ name }) => name.includes(values.only))) {
    const startedAt = performance.now();
    const seeds = values.seeds === undefined ? mutant.seedsMax : Number(values.seeds);
    const { runs, message, isModelBad } = tryMutant(mutant, Number(values.first), seeds);
    if (message === undefined || isModelBad) alive += 1;
    const found = message === undefined ? `LIVES after ${runs} runs` : `run ${runs}`;
    const took = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
    say(
      `| ${mutant.name} | ${mutant.cluster} | ${isModelBad ? "THE MODEL FAILS TOO" : found} | ${took} | ${message ?? ""} |`,
    );
  }
  for (const scenario of scenarios.filter(({ name }) => name.includes(values.only))) {
    const isModelBad = playScenario(scenario, scenarioSeeds, true) !== undefined;
    const violation = playScenario(scenario, scenarioSeeds, false);
    if (isModelBad || !violation) alive += 1;
    const found = isModelBad ? "THE MODEL FAILS TOO" : violation ? "found" : "LIVES";
    say(`| ${scenario.rule} | scenario: ${scenario.name} | ${found} | ${violation?.message ?? ""} |`);
  }
  say(`${alive} mutants live`);
  return alive > 0 ? 1 : 0;
}

if (values.help) say(help);
else process.exitCode = main();

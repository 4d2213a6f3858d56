import { inspect, parseArgs } from "node:util";
import { runCampaign } from "./campaign.js";
import { runDamages } from "./damage/damages.js";
import { runKills } from "./kills/kills.js";

const help = `npm run test:power-loss -- [options]

Uses the storage engine on a disk that records every write, sync, rename and removal, cuts the power at moments of that history, and
opens the engine on what a disk may hold then. Exit status 1 when it holds anything but whole batches, or less than was promised.

  --states N    ends after so many disk states (default 20000)
  --seconds N   ends after so many seconds
  --seeds N     ends after so many runs; a run is one seed (default: no limit)
  --first N     the first seed (default: random; it is printed)
  --seed N      this run alone, to its end, with what happened before when it fails
  --share N     of the moments of each run at which the power may go (default 0.1)
  --all         every moment of each run; no limit unless one is given
  --failing     every disk refuses calls at times (default: a third of the seeds' do)
  --damage N    instead, turns over N bits, one at a time, in folders of stopped and killed processes
  --kills N     instead, kills N processes that use the engine on a real disk, and compares all that is there after each
  --verbose     a line for every run, or kill

docs/testing.md says what a disk may hold after a cut, and what is checked.
`;

const { values } = parseArgs({
  options: {
    states: { type: "string" },
    seconds: { type: "string" },
    seeds: { type: "string" },
    first: { type: "string" },
    seed: { type: "string" },
    share: { type: "string", default: "0.1" },
    all: { type: "boolean", default: false },
    failing: { type: "boolean" },
    damage: { type: "string" },
    kills: { type: "string" },
    verbose: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function numberOf(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : Number(text);
}

async function kill(kills: number): Promise<number> {
  const seed = numberOf(values.seed ?? values.first, Math.floor(Math.random() * 1e9));
  const startedAt = performance.now();
  say(`kills: seed ${seed}`);
  try {
    const result = await runKills({
      kills,
      seed,
      untilMs: startedAt + numberOf(values.seconds, Infinity) * 1000,
      onKill: (number, found, acknowledged) => {
        if (values.verbose) say(`kill ${number}: ${found} batches, ${acknowledged} acknowledged`);
        else if (number % 50 === 0) say(`${number} kills …`);
      },
    });
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    say(`${result.kills} kills, ${result.batches} batches, everything compared, in ${seconds} s: 0 failed`);
    return 0;
  } catch (error) {
    say(`FAILED: ${inspect(error)}`);
    say(`  again: npm run test:power-loss -- --kills ${kills} --seed ${seed}`);
    return 1;
  }
}

/** Of each folder, so that there are many. */
const flipsPerFolder = 40;

async function damage(flips: number): Promise<number> {
  const first = numberOf(values.seed ?? values.first, Math.floor(Math.random() * 1e9));
  say(`damage: seeds from ${first} on`);
  let done = 0;
  for (let seed = first; done < flips; seed += 1) {
    for (const ending of ["stopped", "killed"] as const) {
      try {
        await runDamages({ ending, first: seed, seeds: 1, flips: flipsPerFolder });
      } catch (error) {
        say(`seed ${seed}: FAILED: ${(error as Error).message.replaceAll("\n", " ")}`);
        return 1;
      }
      done += flipsPerFolder;
    }
    if (values.verbose) say(`seed ${seed}: ok`);
  }
  say(`${done} bits turned over: 0 failed`);
  return 0;
}

async function main(): Promise<number> {
  if (values.help) {
    say(help);
    return 0;
  }
  if (values.kills !== undefined) return await kill(Number(values.kills));
  if (values.damage !== undefined) return await damage(Number(values.damage));
  return await cutPower();
}

async function cutPower(): Promise<number> {
  const isOne = values.seed !== undefined;
  const first = numberOf(values.seed ?? values.first, Math.floor(Math.random() * 1e9));
  const startedAt = performance.now();
  const share = values.all ? 1 : Number(values.share);
  const isUnlimited = isOne || values.all || values.seconds !== undefined;
  say(`power loss: seeds from ${first} on`);
  let lastSaidAt = startedAt;
  let states = 0;
  const { runs, failure, ...result } = await runCampaign({
    first,
    seeds: isOne ? 1 : numberOf(values.seeds, Infinity),
    statesMax: numberOf(values.states, isUnlimited || values.seeds !== undefined ? Infinity : 20_000),
    share,
    isDiskFaulty: values.failing,
    untilMs: startedAt + numberOf(values.seconds, Infinity) * 1000,
    onRun: (seed, run) => {
      states += run.states;
      if (values.verbose || isOne) say(`seed ${seed}: ok ${JSON.stringify(run)}`);
      else if (performance.now() - lastSaidAt > 10_000) {
        lastSaidAt = performance.now();
        say(`${seed - first + 1} runs, ${states} states …`);
      }
    },
  });
  if (failure) {
    const { seed, error } = failure;
    say(`seed ${seed}: FAILED: ${error.message}`);
    if (isOne) {
      say(inspect(error.cause));
      for (const event of error.events) say(`  ${event}`);
    }
    const failing = values.failing ? " --failing" : "";
    say(`  again: npm run test:power-loss -- --seed ${seed} --share ${share}${failing}`);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  say(
    `${runs} runs, ${result.states} states in ${seconds.toFixed(1)} s ` +
      `(${(result.states / seconds).toFixed(0)} a second): ${failure ? 1 : 0} failed`,
  );
  return failure ? 1 : 0;
}

process.exitCode = await main();

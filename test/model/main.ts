import { parseArgs } from "node:util";
import { runCampaign } from "./campaign.js";
import { type ClusterKind, clusterKinds } from "./clusters.js";
import { mutants } from "./mutants/mutants.js";
import type { RunResult } from "./run.js";
import { Rules } from "./rules.js";

const help = `npm run test:model -- [options]

Runs the model of replication: small clusters whose messages, clocks and disks a seed drives through every kind of fault. Exit status 1
when one breaks a promise. Each seed is one run of each kind of cluster.

  --seeds N         how many (default 200), from --first on
  --first N         the first seed (default: random; it is printed)
  --seed N          this one alone, with what happened when it fails
  --minutes-max N   begins no run after so many minutes
  --factor N        only clusters of so many replicas: 1, 2 or 3
  --cluster NAME    only this kind of cluster
  --mutant NAME     breaks a rule of the model, as npm run test:model:mutants does
  --keep-going      goes on after a violation
  --verbose         a line for every run
  --help            this text

docs/models.md says what is modelled, and what is checked.
Clusters:
${clusterKinds.map(({ name, what }) => `  ${name.padEnd(15)} ${what}`).join("\n")}
`;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    first: { type: "string" },
    seed: { type: "string" },
    "minutes-max": { type: "string" },
    factor: { type: "string" },
    cluster: { type: "string" },
    mutant: { type: "string" },
    "keep-going": { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function kindsWanted(): readonly ClusterKind[] {
  const { factor, cluster } = values;
  const kinds = clusterKinds.filter(
    (kind) =>
      (cluster === undefined || kind.name === cluster) &&
      (factor === undefined || kind.factor === Number(factor)),
  );
  if (kinds.length === 0)
    throw new Error(`no such cluster; there are ${clusterKinds.map(({ name }) => name).join(", ")}`);
  return kinds;
}

function rulesWanted(): Rules {
  if (values.mutant === undefined) return new Rules();
  const mutant = mutants.find(({ name }) => name === values.mutant);
  if (!mutant) throw new Error(`no such mutant; there are ${mutants.map(({ name }) => name).join(", ")}`);
  return new Rules(mutant.breaks);
}

function sayResult({ name }: ClusterKind, { seed, violation, figures, trace }: RunResult): void {
  if (violation || values.verbose) {
    const counts = [...figures].map(([figure, count]) => `${count} ${figure}`).join(", ");
    say(`${name} seed ${seed}: ${violation ? `FAILED: ${violation.message}` : "ok"} (${counts})`);
  }
  if (!violation) return;
  for (const line of trace) say(`  ${line}`);
  const mutant = values.mutant === undefined ? "" : ` --mutant "${values.mutant}"`;
  say(`  again: npm run test:model -- --cluster ${name} --seed ${seed}${mutant}`);
}

function main(): number {
  const kinds = kindsWanted();
  const rules = rulesWanted();
  const isOne = values.seed !== undefined;
  const first = Number(values.seed ?? values.first ?? Math.floor(Math.random() * 1e9));
  const seeds = isOne ? 1 : Number(values.seeds);
  const startedAt = performance.now();
  const minutes = values["minutes-max"];
  const untilMs = minutes === undefined ? Infinity : startedAt + Number(minutes) * 60_000;
  say(`model: seeds ${first} to ${first + seeds - 1}, ${kinds.map(({ name }) => name).join(", ")}`);
  let failed = 0;
  let lastSaidAt = startedAt;
  const { runs, figures } = runCampaign({
    ...{ kinds, rules, first, seeds, untilMs, keepsTrace: isOne },
    onRun: (kind, result) => {
      if (result.violation) failed += 1;
      sayResult(kind, result);
      if (performance.now() - lastSaidAt > 30_000) {
        lastSaidAt = performance.now();
        say(`seed ${result.seed} …`);
      }
      return !result.violation || values["keep-going"];
    },
  });
  say([...figures].map(([figure, count]) => `${(count / runs).toFixed(2)} ${figure}`).join(", ") + " a run");
  const seconds = (performance.now() - startedAt) / 1000;
  say(`${runs} runs in ${seconds.toFixed(1)} s (${(runs / seconds).toFixed(0)} a second): ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

if (values.help) say(help);
else process.exitCode = main();

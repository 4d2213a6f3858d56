import { join } from "node:path";
import type { Bench, BenchContext } from "../../bench.js";
import { compete, type Measurement, runIn, shuffled, type Subject } from "../../contest.js";
import type { EngineCosts } from "../../engines/job.js";
import { defaultEngineOf } from "../../engines/open-engine.js";
import { numberOptions, takeText } from "../../options.js";
import { program } from "../../processes/child.js";
import { ElasticCluster } from "../../processes/elastic-cluster.js";
import { engineCosts } from "../../processes/engine-process.js";
import { type FillOptions, fillPeer } from "../../processes/load-process.js";
import { buildOf } from "../../processes/other-build.js";
import type { Findings } from "../../report/findings.js";
import { measurementTable } from "../../report/summary.js";
import { readUpdateMix } from "../../workload/workload.js";
import { buildBars, type BuildFigures, buildTables } from "./findings.js";
import { type Join, joinAndLeave } from "./joins.js";

/** A build whose stores kept their data on LMDB: the one that the bars are meant for. */
const againstDefault = "35e2277";

const known = {
  keys: { default: 800_000, help: "keys of the data set" },
  "value-bytes": { default: 100, help: "bytes of a value" },
  nodes: { default: 3, help: "stores of each build" },
  "in-flight": { default: 100, help: "calls in flight" },
  seconds: { default: 3, help: "length of a round" },
  "warm-up-seconds": { default: 2, help: "what comes before it" },
  "run-in-seconds": { default: 8, help: "how long both clusters are used before the first round" },
  "engine-keys": { default: 270_000, help: "keys of the engine when it is measured by itself" },
  "engine-operations": { default: 50_000, help: "gets and puts of each kind then" },
  "engine-partitions": { default: 342, help: "partitions of its keys: a third of the product's default" },
  rounds: { default: 5, help: "rounds of which the medians are shown" },
  seed: { default: 1, help: "seed of keys, values and the order of the runs" },
};

/** Share of the keys that are there when stores join for the first time. */
const smallShare = 0.1;

type Options = Record<keyof typeof known, number>;

/** A build, and a cluster of it. */
interface RunningBuild {
  readonly name: string;
  readonly dist: string;
  readonly cluster: ElasticCluster;
}

/** This build next to another one, in turns. */
export const buildsBench: Bench = {
  name: "builds",
  summary: "this build next to another (--against <commit>), in turns: calls, moves, the engine",
  run: async (context) => {
    const args = [...context.args];
    const against = takeText(args, "against") ?? againstDefault;
    // A wrong command line is refused before minutes are spent.
    numberOptions(args, known);
    context.note(`building ${against}`);
    const dist = await buildOf(against, join(context.folder, "checkout"));
    return await compareBuilds({ name: against, dist }, { ...context, args });
  },
};

/** Compares this build with another, compiled to `dist`; `context.args` without `--against`. */
export async function compareBuilds(
  other: Pick<RunningBuild, "name" | "dist">,
  context: BenchContext,
): Promise<Findings> {
  const options = numberOptions(context.args, known);
  const running: RunningBuild[] = [];
  try {
    for (const build of [{ name: "this build", dist: program("") }, other]) {
      const folder = join(context.folder, `cluster-${running.length}`);
      const { profileFolder } = context;
      const { dist } = build;
      const cluster = await ElasticCluster.start({ folder, stores: options.nodes, dist, profileFolder });
      running.push({ ...build, cluster });
    }
    const [ours, theirs] = await figuresOf(running, options, context);
    if (!ours || !theirs) throw new Error("two builds were to be measured");
    const data = [ours, theirs];
    const calls = [data.map(({ reads95 }) => reads95), data.map(({ reads50 }) => reads50)];
    return {
      options: { against: other.name, ...options },
      tables: [...calls.map(measurementTable), ...buildTables(data)],
      bars: buildBars(ours, theirs),
      plots: [],
      data,
      remarks: ["Both builds are driven by the client of this build."],
      passed: true,
    };
  } finally {
    for (const { cluster } of running) await cluster.stop();
  }
}

async function figuresOf(
  builds: readonly RunningBuild[],
  options: Options,
  context: BenchContext,
): Promise<BuildFigures[]> {
  const fill = { valueBytes: options["value-bytes"], seed: options.seed };
  const { keys } = options;
  const smallKeys = Math.ceil(keys * smallShare);
  await fillAll(builds, { ...fill, keys: smallKeys });
  context.note("joins, few keys");
  const smallJoins = await joinsOf(builds, options, "small");
  context.note("writing the other keys");
  await fillAll(builds, { ...fill, from: smallKeys, keys });
  const subjects = builds.map(({ name, cluster }) => ({
    ...{ name, serverPids: cluster.storePids },
    peer: { kind: "elastic", seeds: cluster.seeds } as const,
  }));
  context.note("calls");
  const seconds = options["run-in-seconds"];
  await runIn(subjects, readUpdateMix(0.95, keys, fill.valueBytes), { seconds, seed: fill.seed });
  const reads95 = await callsOf(subjects, options, 0.95, context);
  const reads50 = await callsOf(subjects, options, 0.5, context);
  context.note("joins, all keys");
  const joins = await joinsOf(builds, options, "full");
  context.note("engines by themselves");
  const engine = await enginesOf(builds, options, context);
  return builds.map((build, i) => ({
    name: build.name,
    reads95: reads95[i] as Measurement,
    reads50: reads50[i] as Measurement,
    smallJoins: smallJoins.get(build) ?? [],
    joins: joins.get(build) ?? [],
    engine: engine.get(build) ?? [],
  }));
}

async function fillAll(builds: readonly RunningBuild[], fill: FillOptions): Promise<void> {
  for (const { cluster } of builds) await fillPeer({ kind: "elastic", seeds: cluster.seeds }, fill);
}

async function callsOf(
  subjects: readonly Subject[],
  options: Options,
  reads: number,
  { profileFolder }: BenchContext,
): Promise<Measurement[]> {
  const callsInFlight = options["in-flight"];
  const workload = readUpdateMix(reads, options.keys, options["value-bytes"]);
  return await compete(
    {
      ...{ name: `${workload.name}, ${callsInFlight} in flight`, workload, connections: 1 },
      shape: { kind: "closed", callsInFlight },
    },
    subjects,
    {
      ...{ rounds: options.rounds, seed: options.seed, profileFolder },
      ...{ warmUpMs: options["warm-up-seconds"] * 1000, measureMs: options.seconds * 1000 },
    },
  );
}

async function joinsOf(
  builds: readonly RunningBuild[],
  { rounds, seed }: Options,
  name: string,
): Promise<Map<RunningBuild, Join[]>> {
  return await inTurns(builds, rounds, seed, ({ cluster }, round) =>
    joinAndLeave(cluster, `${name}-${round + 1}`),
  );
}

async function enginesOf(
  builds: readonly RunningBuild[],
  options: Options,
  { folder }: BenchContext,
): Promise<Map<RunningBuild, EngineCosts[]>> {
  const { rounds, seed } = options;
  return await inTurns(builds, rounds, seed, ({ name, dist }, round) =>
    engineCosts({
      ...{ engine: defaultEngineOf(dist), dist, folder: join(folder, `engine-${name}-${round}`) },
      ...{ keys: options["engine-keys"], valueBytes: options["value-bytes"] },
      ...{ partitions: options["engine-partitions"], operations: options["engine-operations"] },
      seed: seed + round,
    }),
  );
}

/** Measures every build once a round, in another order each round. */
async function inTurns<T>(
  builds: readonly RunningBuild[],
  rounds: number,
  seed: number,
  measure: (build: RunningBuild, round: number) => Promise<T>,
): Promise<Map<RunningBuild, T[]>> {
  const figures = new Map<RunningBuild, T[]>(builds.map((build) => [build, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const build of shuffled(builds, seed + round)) {
      figures.get(build)?.push(await measure(build, round));
    }
  }
  return figures;
}

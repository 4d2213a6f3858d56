import { isDeepStrictEqual } from "node:util";
import { abuseConnections } from "./connection-abuse.js";
import { runScenarios } from "./scenarios.js";
import { type Finding, messageKinds, runCampaign } from "./campaign.js";
import { FuzzCluster, type MemoryAtRest } from "./fuzz-cluster.js";

/** How much is fuzzed. */
export interface FuzzOptions {
  /** Messages of each kind for each method, in each round. */
  readonly runs: number;
  /** Of the first round; each further round has the next. */
  readonly seed: number;
  /** The first warms up; memory is compared from its end on. */
  readonly rounds: number;
  readonly only?: RegExp | undefined;
  readonly say: (line: string) => void;
}

/** What came of it: no faults is good. */
export interface FuzzReport {
  readonly faults: readonly string[];
  readonly messages: number;
}

/** Most that a process may hold more, at rest, after a round than after the first. */
const memoryGrowthMax = 48 * 1024 * 1024;

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

/** Fuzzes a cluster, with a sane client beside it. */
export async function runFuzz({ runs, seed, rounds, only, say }: FuzzOptions): Promise<FuzzReport> {
  const faults: string[] = [];
  const fault = (text: string): void => {
    faults.push(text);
    say(`FAULT ${text}`);
  };
  say(`fuzz: seed ${seed}, ${runs} messages of each kind a method, ${rounds} rounds`);
  const cluster = new FuzzCluster();
  const startedMs = performance.now();
  let messages = 0;
  try {
    await cluster.start();
    const before = await cluster.ownership();
    let rest: ReadonlyMap<string, MemoryAtRest> | undefined;
    for (let round = 0; round < rounds; round += 1) {
      const report = await runCampaign(cluster, { runs, seed: seed + round, only });
      for (const finding of report.findings) fault(describeFinding(finding));
      messages += messageKinds.reduce((sum, kind) => sum + report.sent[kind], 0);
      say(`round ${round + 1}: ${report.methods} methods, messages ${JSON.stringify(report.sent)}`);
      say(`  statuses ${JSON.stringify(Object.fromEntries(report.statuses))}`);
      for (const role of ["master", "store"] as const) {
        const connections = await abuseConnections(cluster.address(role), seed + round, runs);
        say(`  ${role}: ${connections} hostile connections`);
      }
      for (const found of await runScenarios(cluster)) fault(found);
      await cluster.quiet();
      const memory = await cluster.memory();
      for (const [name, now] of memory) {
        const first = rest?.get(name);
        say(
          `  ${name}: ${mebibytes(now.anonymous)} MiB resident, ${mebibytes(now.heapUsed)} MiB heap at rest`,
        );
        const grown = first ? now.anonymous - first.anonymous : 0;
        if (grown > memoryGrowthMax) fault(`${name} grew by ${mebibytes(grown)} MiB since round 1`);
      }
      rest ??= memory;
    }
    if (!isDeepStrictEqual(await cluster.ownership(), before)) fault("who owns what has changed");
    await cluster.restartMaster();
    if (!samePartitions(await cluster.ownership(), before))
      fault("who owns what is different after a restart of the master");
    const { calls, failures, wrong, unknown } = await cluster.stopLoad();
    say(`sane client: ${calls} calls, ${failures.length} failed, ${wrong.length} wrong, ${unknown} unknown`);
    for (const text of [...failures.slice(0, 5), ...wrong.slice(0, 5)]) fault(`sane client: ${text}`);
    if (unknown > 0) fault(`sane client: ${unknown} outcomes unknown`);
    cluster.check();
  } catch (error) {
    fault(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    await cluster.stop();
  }
  say(
    faults.length === 0
      ? `fuzz: ${messages} messages, no fault, ${Math.round((performance.now() - startedMs) / 1000)} s`
      : `fuzz: ${faults.length} faults`,
  );
  return { faults, messages };
}

function samePartitions(a: unknown, b: unknown): boolean {
  const partitions = (view: unknown): unknown => (view as { partitions: unknown }).partitions;
  return isDeepStrictEqual(partitions(a), partitions(b));
}

function describeFinding({ what, replay, counterexample }: Finding): string {
  return `${what}\n  again: ${replay}\n  message: ${counterexample}`;
}

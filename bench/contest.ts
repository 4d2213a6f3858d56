import type { LoadShape, RunResult } from "./load/job.js";
import type { PeerAddress } from "./peers/session.js";
import type { NodeOptions } from "./processes/child.js";
import { runJob } from "./processes/load-process.js";
import { randomStream } from "./workload/random-stream.js";
import type { Workload } from "./workload/workload.js";

/** What is measured: a system through one of its clients. */
export interface Subject {
  readonly name: string;
  readonly peer: PeerAddress;
  readonly serverPids: readonly number[];
}

/** Under which conditions. */
export interface Scenario {
  readonly name: string;
  readonly workload: Workload;
  readonly shape: LoadShape;
  readonly connections: number;
}

/** How long, and how often. */
export interface ContestOptions {
  readonly rounds: number;
  readonly warmUpMs: number;
  /** The least number of operations of a warm-up. Default 0. */
  readonly warmUpOperations?: number;
  readonly measureMs: number;
  readonly seed: number;
}

/** What one subject did in one scenario. */
export interface Measurement {
  readonly scenario: string;
  readonly subject: string;
  readonly rounds: readonly RunResult[];
}

/**
 * Measures every subject in a scenario, several rounds, in another order each round. One process a run, nothing of one
 * run left in the next.
 */
export async function compete(
  scenario: Scenario,
  subjects: readonly Subject[],
  options: ContestOptions & NodeOptions,
): Promise<Measurement[]> {
  const results = new Map<Subject, RunResult[]>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < options.rounds; round += 1) {
    for (const subject of shuffled(subjects, options.seed + round)) {
      const { workload, shape, connections } = scenario;
      const { peer, serverPids } = subject;
      const { warmUpMs, warmUpOperations = 0, measureMs } = options;
      const seed = options.seed + round;
      const job = {
        peer,
        workload,
        shape,
        connections,
        warmUpMs,
        warmUpOperations,
        measureMs,
        seed,
        serverPids,
      };
      results.get(subject)?.push(await runJob({ kind: "run", ...job }, options));
    }
  }
  return [...results].map(([subject, rounds]) => ({
    scenario: scenario.name,
    subject: subject.name,
    rounds,
  }));
}

const runInCalls = 100;

/**
 * Uses the servers of every subject for a while before anything is measured: one whose code is compiled while it runs takes
 * several times as long for a call in its first seconds, and servers run for longer than that.
 */
export async function runIn(
  subjects: readonly Subject[],
  workload: Workload,
  { seconds, seed }: { readonly seconds: number; readonly seed: number },
): Promise<void> {
  const shape = { kind: "closed", callsInFlight: runInCalls } as const;
  const once = new Map(subjects.map((subject) => [subject.serverPids.join(), subject]));
  for (const { peer, serverPids } of once.values()) {
    const length = { warmUpMs: 0, warmUpOperations: 0, measureMs: seconds * 1000 };
    await runJob({ kind: "run", peer, workload, shape, connections: 1, ...length, seed, serverPids });
  }
}

/** The items in an order that the seed decides: Fisher and Yates. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = randomStream(seed);
  const order = [...items];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other] as T, order[last] as T];
  }
  return order;
}

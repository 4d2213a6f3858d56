import type { Client } from "../../client/client.js";
import { findViolations } from "../support/linearizability.js";
import { ClientNode } from "./client-node.js";
import { Cluster, type ClusterOptions } from "./cluster.js";
import { Chaos } from "./faults/chaos.js";
import type { FaultName } from "./faults/faults.js";
import {
  waitForAnswers,
  waitForBalance,
  waitForCleanDisks,
  waitForOperations,
  waitForSuccess,
} from "./liveness.js";
import { Observation } from "./observation.js";
import { Bulk } from "./workloads/bulk.js";
import { History } from "./workloads/history.js";
import { Operator } from "./workloads/operator.js";
import { Registers } from "./workloads/registers.js";
import { UnaryClient } from "./workloads/unary.js";
import type { LogLine, SimProcess } from "./world/process.js";
import { SeededRandom } from "./world/random.js";

/** What one run is given. */
export interface SimulationOptions {
  readonly seed: number;
  /** Virtual seconds of faults. */
  readonly seconds: number;
  /** Kinds of faults; undefined: a random choice. */
  readonly faults?: readonly FaultName[] | undefined;
}

/** What one run did. */
export interface SimulationResult {
  readonly seed: number;
  /** Undefined: nothing wrong was found. */
  readonly failure: Error | undefined;
  readonly traceHash: string;
  readonly events: number;
  readonly virtualSeconds: number;
  readonly calls: number;
  readonly unknown: number;
  readonly refused: number;
  readonly faults: number;
  readonly faultKinds: readonly FaultName[];
  readonly handOffs: number;
  readonly scans: number;
  /** Unary calls that any store answered for any other. */
  readonly unaryCalls: number;
  readonly cluster: ClusterOptions;
  /** The last lines logged. */
  readonly lines: readonly LogLine[];
}

const formingUs = 60_000_000;

/** A whole cluster with its clients, faults and checkers, under one seed. */
class Simulation {
  readonly #options: SimulationOptions;
  readonly #cluster: Cluster;
  readonly #observation: Observation;
  readonly #history: History;
  readonly #registers: Registers;
  readonly #bulk: Bulk;
  readonly #unary: UnaryClient;
  readonly #operator: Operator;
  readonly #chaos: Chaos;
  readonly #nodes: ClientNode[] = [];
  readonly #clients = new Map<string, Client<string>>();
  readonly #keys: readonly string[];

  constructor(options: SimulationOptions) {
    this.#options = options;
    const random = new SeededRandom(options.seed);
    const setUp = random.fork("set-up");
    this.#cluster = new Cluster(random, {
      partitions: setUp.pick([4, 8, 16]),
      stores: setUp.pick([2, 2, 3]),
      placement: setUp.chance(0.85) ? "balanced" : "contiguous",
      durability: setUp.chance(0.5) ? "fsync" : "commit",
    });
    const { machines } = this.#cluster;
    this.#observation = new Observation(this.#cluster);
    this.#history = new History(machines.world, () => ({
      ...machines.clockRates(),
      areSet: this.#chaos.kinds.includes("setClock"),
    }));
    this.#keys = Array.from({ length: setUp.pick([6, 12, 24]) }, (_, i) => `key-${i}`);
    this.#registers = new Registers(this.#history, {
      keys: this.#keys,
      callsInFlight: setUp.pick([1, 2, 4]),
      thinkMs: setUp.pick([20, 80, 250]),
      acknowledged: (key, version) => this.#observation.acknowledged(key, version),
    });
    this.#bulk = new Bulk(setUp.pick([20, 80, 160]));
    this.#operator = new Operator(this.#cluster);
    this.#addClients(2, (client, process) => this.#registers.run(client, process));
    this.#addClients(1, (client, process) => void this.#bulk.run(client, process));
    this.#unary = new UnaryClient(machines, "unary-client", {
      keys: this.#keys,
      history: this.#history,
      stores: () => this.#cluster.storeAddresses(),
    });
    for (const host of ["master", "store-1", "store-2", "store-3", "client-1"]) {
      if (setUp.chance(0.3)) machines.clock(host).rate = setUp.between(0.93, 1.07);
    }
    this.#chaos = new Chaos(
      { cluster: this.#cluster, clients: [...this.#nodes, this.#unary] },
      random.fork("chaos"),
      options.faults,
    );
  }

  async run(): Promise<SimulationResult> {
    let failure: Error | undefined;
    // It would end the process that made it.
    const unhandled = (error: unknown): void =>
      this.#cluster.machines.world.fail(new Error(`nobody handled ${String(error)}`, { cause: error }));
    process.on("unhandledRejection", unhandled);
    try {
      await this.#safetyPhase();
      await this.#livenessPhase();
      this.#judge();
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    } finally {
      process.off("unhandledRejection", unhandled);
    }
    const { world, lines } = this.#cluster.machines;
    const { answered, refused, unknown } = this.#history.counts;
    return {
      seed: this.#options.seed,
      failure,
      traceHash: world.traceHash,
      events: world.events,
      virtualSeconds: world.nowUs / 1e6,
      calls: answered + refused + unknown,
      unknown,
      refused,
      faults: this.#chaos.struck,
      faultKinds: this.#chaos.kinds,
      handOffs: this.#observation.handOffs,
      scans: this.#bulk.scans,
      unaryCalls: this.#unary.answered,
      cluster: this.#cluster.options,
      lines,
    };
  }

  async #safetyPhase(): Promise<void> {
    const { world } = this.#cluster.machines;
    this.#cluster.start();
    for (const node of this.#nodes) node.start();
    const formed = await world.run(
      formingUs,
      () => this.#bulk.loaded && this.#clients.size === this.#nodes.length,
    );
    if (!formed) throw new Error("the cluster did not form, or did not take its first data");
    this.#unary.start();
    this.#operator.start();
    this.#chaos.start();
    await world.run(world.nowUs + this.#options.seconds * 1e6);
  }

  async #livenessPhase(): Promise<void> {
    const { world } = this.#cluster.machines;
    this.#chaos.stop();
    this.#operator.stop();
    this.#cluster.heal();
    for (const node of [...this.#nodes, this.#unary]) node.heal();
    this.#operator.heal();
    const admin = (): NonNullable<Operator["admin"]> => {
      if (this.#operator.admin) return this.#operator.admin;
      throw new Error("the operator's process does not run");
    };
    await waitForOperations(world, admin);
    await waitForBalance(this.#cluster, admin);
    this.#registers.stop();
    this.#unary.stop();
    await waitForAnswers(world, () => this.#history.open);
    await waitForCleanDisks(this.#cluster);
    await this.#readEverything();
  }

  /** What was acknowledged is still there: reads of every key, through a client, join the history. */
  async #readEverything(): Promise<void> {
    const { world } = this.#cluster.machines;
    const connected = (): Client<string> | undefined => this.#clients.get("client-1");
    await waitForSuccess(world, "client-1 is connected", () => Promise.resolve(connected() !== undefined));
    const client = connected();
    if (client === undefined) throw new Error("client-1 is not connected");
    let reads = 0;
    for (const key of this.#keys) {
      const read = client.get(key);
      void this.#history
        .record("reader", key, { kind: "get" }, read, (value) => ({ kind: "value", value }))
        .then(() => (reads += 1));
    }
    await waitForAnswers(world, () => this.#keys.length - reads);
    this.#bulk.stop();
    await waitForSuccess(world, "a last scan is complete", () => this.#bulk.scan(client));
  }

  #judge(): void {
    const { surprises } = this.#history;
    if (surprises.length > 0) throw new Error(`a call failed as it should not: ${surprises[0]}`);
    const { refused, unknown } = this.#history.counts;
    if (this.#chaos.struck === 0 && refused + unknown > 0)
      throw new Error(`${refused + unknown} calls failed, although nothing was broken`);
    if (this.#bulk.problems.length > 0) throw new Error(this.#bulk.problems[0]);
    const [violation] = findViolations(this.#history.calls());
    if (violation) {
      const { key, call, possible } = violation;
      throw new Error(
        `${key} was not linearizable: ${JSON.stringify(call)} when it could only be ${JSON.stringify(possible)}`,
      );
    }
  }

  #addClients(count: number, work: (client: Client<string>, process: SimProcess) => void): void {
    for (let i = 0; i < count; i += 1) {
      const name = `client-${this.#nodes.length + 1}`;
      const seeds = (): readonly string[] => [
        this.#cluster.master.address,
        ...this.#cluster.storeAddresses(),
      ];
      const node = new ClientNode(this.#cluster.machines, name, seeds, (client, process) => {
        this.#clients.set(name, client);
        process.onEnd(() => {
          this.#clients.delete(name);
          this.#history.abandon(name);
        });
        work(client, process);
      });
      this.#nodes.push(node);
    }
  }
}

/** Runs one simulation to its end. */
export function simulate(options: SimulationOptions): Promise<SimulationResult> {
  return new Simulation(options).run();
}

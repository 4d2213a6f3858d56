import { join } from "node:path";
import {
  type AddStoreResponse,
  type Operation,
  OperationState,
} from "../../services/gen/elastickv/v1/master.js";
import { adminService } from "../../services/wire/services.js";
import type { Child } from "../support/children.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { waitFor } from "../support/wait-for.js";
import { type DiskContents, readDisk } from "./disk.js";
import { type InjectedProcess, isThere, runInjected } from "./injected-process.js";
import type { Observer, OperationKind } from "./steps.js";
import { suspectAfterMs } from "./timing.js";

const partitions = 64;
/** The pipelines that a store takes: one of each client that is there at once, so that one which stays open is noticed. */
const streamsMax = 3;
const pollMs = 25;
const waitMsMax = 120_000;
const operationMsMax = 300_000;
/** For what is deleted in the background after an operation has ended. */
const cleanMsMax = 20_000;
/** The store that comes, is given more, and goes; store-1 stays. */
const guest = "store-2";
/** The guest's weight for a rebalance, relative to store-1. */
const rebalanceWeight = 15;

const endStates: readonly OperationState[] = [
  OperationState.SUCCEEDED,
  OperationState.FAILED,
  OperationState.CANCELLED,
];

/** Who gives partitions away, and who takes them. */
const rolesOf: Readonly<Record<OperationKind, Readonly<Record<"source" | "target", string>>>> = {
  add: { source: "store-1", target: guest },
  rebalance: { source: "store-1", target: guest },
  remove: { source: guest, target: "store-1" },
};

/** Partitions of each store after an operation. */
const shares: Readonly<Record<OperationKind, Readonly<Record<string, number>>>> = {
  add: { "store-1": 32, [guest]: 32 },
  rebalance: { "store-1": 4, [guest]: 60 },
  remove: { "store-1": 64 },
};

/** The operation that a cluster is ready for after another. */
const nextOf: Readonly<Record<OperationKind, OperationKind>> = {
  add: "rebalance",
  rebalance: "remove",
  remove: "add",
};

/**
 * A small cluster whose processes stop at breakpoints: a master, store-1, and a guest that is added, given a larger share
 * by a rebalance, and removed, again and again.
 */
export class CrashCluster extends ProcessCluster {
  /** Former runs, by name. */
  readonly #ended: (readonly [name: string, child: Child])[] = [];
  #operation: OperationKind = "add";
  /** The operations that were answered for, or found since. */
  readonly #ids = new Set<string>();
  #weight = 1;

  constructor() {
    super([
      ...["--partitions", String(partitions), "--initial-stores", "1", "--no-auto-join"],
      ...["--heartbeat-interval-ms", "100", "--monitor-interval-ms", "100"],
      ...["--suspect-after-ms", String(suspectAfterMs), "--moves-in-flight-max", "2"],
      // A copy takes long enough for writes to come meanwhile, and an operation for several faults.
      ...["--move-rate-bytes-per-second", "10000"],
    ]);
  }

  protected override run(program: string, args: readonly string[]): InjectedProcess {
    return runInjected(program, args);
  }

  /** The operation that is next, or under way. */
  get operation(): OperationKind {
    return this.#operation;
  }

  /** Brings up the master and store-1. */
  async form(): Promise<void> {
    await this.startMaster();
    await this.#start("store-1");
    await waitFor("store-1 to own the ring", () => this.#owns("store-1"), waitMsMax, pollMs);
  }

  /** Makes the processes ready for the next operation. */
  async prepare(): Promise<void> {
    if (this.#operation === "rebalance") {
      this.#weight = rebalanceWeight;
      await this.#end(guest);
      await this.restartStore("target");
    } else if (this.#operation === "add") {
      this.#weight = 1;
      // It came back after it was removed, as a store without a share.
      if ((await this.#incarnationOf(guest)) !== undefined) {
        const { result } = await this.admin(adminService.removeStore, {
          ...{ storeId: guest, dryRun: false, purge: false },
        });
        if (result?.$case === "operation") {
          this.#ids.add(result.value.id);
          await this.ended(result.value.id);
        }
      }
      if (this.stores.has(guest)) await this.#end(guest);
    }
  }

  /** The operation is over: the next one is next. */
  advance(): void {
    this.#operation = nextOf[this.#operation];
    this.#ended.length = 0;
  }

  /** Carries out the next operation with nothing in its way. */
  async pass(): Promise<void> {
    await this.prepare();
    const operationId = await this.ask();
    if (this.#operation === "add") await this.startNewStore();
    await this.ended(operationId);
    this.advance();
  }

  storeIdOf(role: "source" | "target"): string {
    return rolesOf[this.#operation][role];
  }

  /** The present process of a role. */
  processOf(role: Observer): InjectedProcess {
    const process = role === "master" ? this.master : this.stores.get(this.storeIdOf(role));
    if (process === undefined) throw new Error(`there is no ${role} yet`);
    return process as InjectedProcess; // All are started by `run`.
  }

  /** Starts the target of an addition. */
  async startNewStore(): Promise<void> {
    await this.#start(this.storeIdOf("target"));
  }

  /** Starts a store that has ended; resolves when the master has given it a new incarnation, or has let go of it. */
  async restartStore(role: "source" | "target"): Promise<void> {
    const storeId = this.storeIdOf(role);
    const known = await this.#incarnationOf(storeId);
    await this.#start(storeId);
    await waitFor(
      `${storeId} to be back`,
      async () => {
        const { process } = this.processOf(role);
        // As under a launcher: what ended with a failure is started again.
        if (!isThere(this.processOf(role)) && process.exitCode !== 0) await this.#start(storeId);
        const incarnation = await this.#incarnationOf(storeId);
        return incarnation === undefined || known === undefined || incarnation > known;
      },
      waitMsMax,
      pollMs,
    );
  }

  /** Starts the master again after its end. */
  async restartMaster(): Promise<void> {
    this.#ended.push(["master", this.processOf("master")]);
    await this.startMaster();
  }

  /** Resolves when the master counts a store as dead, or has let go of it. */
  async untilDown(role: "source" | "target"): Promise<void> {
    const storeId = this.storeIdOf(role);
    await waitFor(
      `the master to miss ${storeId}`,
      async () => !(await this.list()).some((store) => store.storeId === storeId && store.alive),
      waitMsMax,
      pollMs,
    );
  }

  /** Asks for the operation once. Resolves with its id; rejects when the master died over it. */
  async ask(): Promise<string> {
    const { result } = await this.#request();
    if (result?.$case !== "operation") throw new Error("the master did not answer with an operation");
    this.#ids.add(result.value.id);
    return result.value.id;
  }

  /** The operation's id, after the master may have died over the request: what an operator would do. */
  async askAgain(): Promise<string> {
    return await waitFor(
      "the master to take the operation",
      async () => {
        // It may be over already: another like it would have nothing to move.
        const { operations } = await this.admin(adminService.listOperations, { activeOnly: false });
        const taken = operations.find(({ id }) => !this.#ids.has(id))?.id;
        if (taken !== undefined) this.#ids.add(taken);
        // A store that has not come back to a new master cannot be removed: ask once more.
        return taken ?? (await this.ask().catch(() => undefined));
      },
      waitMsMax,
      pollMs * 4,
    );
  }

  /** The operation as it stands. */
  async operationNow(operationId: string): Promise<Operation> {
    const { operation } = await this.admin(adminService.getOperation, { operationId });
    if (operation === undefined) throw new Error(`there is no ${operationId}`);
    return operation;
  }

  async #request(): Promise<{ readonly result: AddStoreResponse["result"] }> {
    const request = { storeId: guest, dryRun: false };
    switch (this.#operation) {
      case "add":
        return await this.admin(adminService.addStore, request);
      case "rebalance":
        return await this.admin(adminService.rebalance, { dryRun: false });
      case "remove":
        return await this.admin(adminService.removeStore, { ...request, purge: false });
    }
  }

  /** Waits until an operation has ended, however; gives up when `signal` is aborted. */
  async ended(operationId: string, signal?: AbortSignal): Promise<Operation> {
    return await waitFor(
      `${operationId} to end`,
      async () => {
        signal?.throwIfAborted();
        const operation = await this.operationNow(operationId);
        return endStates.includes(operation.state) && operation;
      },
      operationMsMax,
      pollMs * 4,
    );
  }

  /** What keeps the ring and the disks from being as they should be at the end; waits a while for them to be. */
  async remains(): Promise<string[]> {
    let problems: string[] = [];
    const clean = async (): Promise<boolean> => {
      const disks = await this.#disks();
      const owned = new Map((await this.list()).map(({ storeId, partitions: count }) => [storeId, count]));
      problems = [...disks].flatMap(([storeId, disk]) => {
        const share = shares[this.#operation][storeId] ?? 0;
        const found = [owned.get(storeId) ?? 0, disk.owned.length];
        const wrong = `${storeId} should own ${share} partitions, owns ${found.join(" by the ring and ")} by its disk`;
        return [...disk.problems, ...(found.some((count) => count !== share) ? [wrong] : [])];
      });
      return problems.length === 0;
    };
    await waitFor("ring and disks to be clean", clean, cleanMsMax, pollMs * 4).catch(() => undefined);
    return problems;
  }

  /** Keys on all disks together. */
  async keysStored(): Promise<number> {
    return [...(await this.#disks()).values()].reduce((sum, { keys }) => sum + keys, 0);
  }

  /** The last lines that every process of this operation wrote, for a cell that is not clean. */
  logs(): Record<string, readonly string[]> {
    const named = [...this.#ended, ...this.stores, ["master", this.master] as const];
    return Object.fromEntries(
      named.flatMap(([name, child], i) =>
        child ? [[`${i} ${name}`, [...child.lines, ...(child as InjectedProcess).errors].slice(-400)]] : [],
      ),
    );
  }

  async #start(storeId: string): Promise<void> {
    const before = this.stores.get(storeId);
    if (before) this.#ended.push([storeId, before]);
    const weight = storeId === guest ? this.#weight : 1;
    await this.startStore(storeId, ["--weight", String(weight), "--streams-max", String(streamsMax)]);
  }

  /** Stops a store in an orderly way, if it has not ended by itself. */
  async #end(storeId: string): Promise<void> {
    const store = this.stores.get(storeId);
    store?.process.kill("SIGTERM");
    await store?.ended;
  }

  async #owns(storeId: string): Promise<boolean> {
    const store = (await this.list()).find((one) => one.storeId === storeId);
    return store?.partitions === partitions;
  }

  async #incarnationOf(storeId: string): Promise<number | undefined> {
    return (await this.list()).find((store) => store.storeId === storeId)?.incarnation;
  }

  async #disks(): Promise<Map<string, DiskContents>> {
    const disks = new Map<string, DiskContents>();
    for (const storeId of ["store-1", guest]) {
      disks.set(storeId, await readDisk(storeId, join(this.folder, storeId)));
    }
    return disks;
  }
}

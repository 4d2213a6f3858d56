import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type AdminClient, connectAdmin } from "../../client/admin.js";
import { connect } from "../../client/index.js";
import { OperationState } from "../../services/gen/elastickv/v1/master.js";
import { type Child, type NodeOptions, startServer } from "./child.js";
import { freePort } from "./free-port.js";

/** How a cluster is started. */
export interface ElasticClusterOptions extends NodeOptions {
  /** An empty folder for its data. */
  readonly folder: string;
  readonly stores: number;
  /** Default: the product's. */
  readonly partitions?: number;
  /** Further settings of every store, and of the master. */
  readonly storeArgs?: readonly string[];
  readonly masterArgs?: readonly string[];
}

const readyTimeoutMs = 300_000;
const pollMs = 20;
const logArgs = ["--log-format", "json", "--log-level", "warn"];

/** A master and stores as processes of their own, as in production: durable, `commit`. */
export class ElasticCluster {
  readonly admin: AdminClient;
  readonly seeds: readonly string[];
  readonly stores: Map<string, Child> = new Map<string, Child>();
  /** Rejects when a server ends that was not told to. */
  readonly failure: Promise<never>;
  readonly #options: ElasticClusterOptions;
  readonly #master: Child;
  #failed: (error: unknown) => void = () => undefined;

  private constructor(options: ElasticClusterOptions, master: Child, address: string) {
    this.#options = options;
    this.#master = master;
    this.seeds = [address];
    this.failure = new Promise((_, reject) => {
      this.#failed = reject;
    });
    // Whoever waits for something of the cluster gets it.
    this.failure.catch(() => undefined);
    master.output.catch(this.#failed);
    this.admin = connectAdmin({ seeds: [address] });
  }

  /** Resolves when every store serves its share. */
  static async start(options: ElasticClusterOptions): Promise<ElasticCluster> {
    await mkdir(options.folder, { recursive: true });
    const port = await freePort();
    const partitions = options.partitions === undefined ? [] : ["--partitions", `${options.partitions}`];
    const args = [
      ...["--create", "--data", join(options.folder, "master"), "--port", `${port}`],
      ...["--initial-stores", `${options.stores}`, ...partitions, ...logArgs, ...(options.masterArgs ?? [])],
    ];
    const master = startServer("services/master/main.js", args, options);
    const cluster = new ElasticCluster(options, master, `127.0.0.1:${port}`);
    try {
      for (let i = 1; i <= options.stores; i += 1) cluster.startStore(`store-${i}`);
      await cluster.settled();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Process ids of the stores. */
  get storePids(): number[] {
    return [...this.stores.values()].map(({ pid }) => pid);
  }

  get masterPid(): number {
    return this.#master.pid;
  }

  /** Starts a store, which joins by itself; or one again on the data it had. */
  startStore(storeId: string): void {
    const args = ["--store-id", storeId, "--master", this.seeds.join(","), ...logArgs];
    const data = ["--data", join(this.#options.folder, storeId)];
    const child = startServer(
      "services/store/main.js",
      [...args, ...data, ...(this.#options.storeArgs ?? [])],
      this.#options,
    );
    child.output.catch(this.#failed);
    this.stores.set(storeId, child);
  }

  /** Stops a store's process; its data and its place in the cluster stay. */
  async stopStore(storeId: string): Promise<void> {
    const child = this.stores.get(storeId);
    this.stores.delete(storeId);
    await child?.stop();
  }

  /** Takes a store out of the cluster: its data moves away, its process ends. */
  async removeStore(storeId: string): Promise<void> {
    const child = this.stores.get(storeId);
    this.stores.delete(storeId);
    const { result } = await this.admin.removeStore({ storeId, dryRun: false, purge: false });
    if (result?.$case === "operation") await this.#ended(result.value.id);
    await child?.stop();
  }

  /** Resolves when a read of any key is answered. */
  async serving(): Promise<void> {
    const client = await connect(this.seeds);
    await client.get("any", { deadlineMs: readyTimeoutMs });
    await client.close();
  }

  /** Waits until every store that was started has its share and nothing is under way. */
  async settled(): Promise<void> {
    await this.#until("every store to have its share", () => this.#isSettled());
  }

  async stop(): Promise<void> {
    await this.admin.close();
    await this.#master.stop();
    await Promise.all([...this.stores.values()].map((store) => store.stop()));
  }

  async #ended(operationId: string): Promise<void> {
    await this.#until(`${operationId} to end`, async () => {
      const { operation } = await this.admin.getOperation({ operationId });
      const failed =
        operation?.state === OperationState.FAILED || operation?.state === OperationState.CANCELLED;
      if (failed) throw new Error(`${operationId} ended badly: ${operation.message}`);
      return operation?.state === OperationState.SUCCEEDED;
    });
  }

  async #until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const endMs = performance.now() + readyTimeoutMs;
    while (!(await condition())) {
      if (performance.now() > endMs) throw new Error(`waited ${readyTimeoutMs} ms for ${what}`);
      await Promise.race([delay(pollMs), this.failure]);
    }
  }

  async #isSettled(): Promise<boolean> {
    const answered = await Promise.all([this.admin.getClusterStatus(), this.admin.listStores()]).catch(
      // Not up yet.
      () => undefined,
    );
    if (!answered) return false;
    const [status, { stores }] = answered;
    const serving = new Set(
      stores.filter(({ alive, partitions }) => alive && partitions > 0).map(({ storeId }) => storeId),
    );
    const quiet = status.operationsActive === 0 && status.partitionsUnassigned === 0;
    return quiet && [...this.stores.keys()].every((storeId) => serving.has(storeId));
  }
}

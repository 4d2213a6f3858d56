import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MethodDefinition } from "@grpc/grpc-js";
import type { Operation, StoreInfo } from "../../services/gen/elastickv/v1/master.js";
import { OperationState } from "../../services/gen/elastickv/v1/master.js";
import { adminService, storeService } from "../../services/wire/services.js";
import { type Child, compiled, runServer } from "./children.js";
import { freePort } from "./free-ports.js";
import { RawClient } from "./raw-client.js";
import { waitFor } from "./wait-for.js";

const masterProgram = compiled("../../services/master/main.js");
const storeProgram = compiled("../../services/store/main.js");

/** Between two questions to the master. */
const pollMs = 20;

/** A cluster of real processes in a temporary folder. */
export class ProcessCluster {
  readonly folder: string = mkdtempSync(join(tmpdir(), "ekv-test-"));
  readonly stores = new Map<string, Child>();
  readonly #ports = new Map<string, number>();
  readonly #masterArgs: readonly string[];
  #masterPort = 0;
  /** By address. */
  readonly #clients = new Map<string, RawClient>();
  master: Child | undefined;

  /** @param masterArgs settings of the master beyond port and folder */
  constructor(masterArgs: readonly string[] = []) {
    this.#masterArgs = masterArgs;
  }

  /** Starts a server's program. */
  protected run(program: string, args: readonly string[]): Child {
    return runServer(program, args);
  }

  get masterAddress(): string {
    return `127.0.0.1:${this.#masterPort}`;
  }

  /** host:port of a store that was started. */
  storeAddress(storeId: string): string {
    return `127.0.0.1:${this.#ports.get(storeId) ?? 0}`;
  }

  /** Starts the master, creating the cluster at the first time. */
  async startMaster(): Promise<void> {
    const first = this.#masterPort === 0;
    if (first) this.#masterPort = await freePort();
    this.master = this.run(masterProgram, [
      ...["--data", join(this.folder, "master"), "--port", String(this.#masterPort), "--log-format", "json"],
      ...(first ? ["--create"] : []),
      ...this.#masterArgs,
    ]);
    await this.master.line("{");
    await waitFor(
      "the master to answer",
      () =>
        this.admin(adminService.getClusterStatus, {}).then(
          () => true,
          () => false,
        ),
      60_000,
      pollMs,
    );
  }

  /** Starts a store, on the port and the data of its former run if it had one. */
  async startStore(storeId: string, args: readonly string[] = []): Promise<Child> {
    const port = this.#ports.get(storeId) ?? (await freePort());
    this.#ports.set(storeId, port);
    const child = this.run(storeProgram, [
      ...["--store-id", storeId, "--master", this.masterAddress, "--data", join(this.folder, storeId)],
      ...["--port", String(port), "--log-format", "json", ...args],
    ]);
    this.stores.set(storeId, child);
    return child;
  }

  /** One AdminService call. */
  async admin<Q, A>(method: MethodDefinition<Q, A>, request: Q): Promise<A> {
    return await this.#clientOf(this.masterAddress).call(method, request);
  }

  #clientOf(address: string): RawClient {
    let client = this.#clients.get(address);
    if (client === undefined) this.#clients.set(address, (client = new RawClient(address)));
    return client;
  }

  /** Every store of the KVStoreMap. */
  async list(): Promise<StoreInfo[]> {
    return (await this.admin(adminService.listStores, {})).stores;
  }

  /**
   * Waits until these stores own the whole ring and nothing is under way, for the master and for each store: what the master
   * has committed, a store may still have to hear of.
   */
  async settled(...storeIds: readonly string[]): Promise<StoreInfo[]> {
    return await waitFor(
      `the ring to belong to ${storeIds.join(", ")}`,
      async () => {
        const stores = await this.list();
        const status = await this.admin(adminService.getClusterStatus, {});
        const owners = stores
          .filter(({ partitions, alive }) => partitions > 0 && alive)
          .map(({ storeId }) => storeId);
        const quiet = status.operationsActive === 0 && status.partitionsUnassigned === 0;
        if (!quiet || owners.sort().join() !== [...storeIds].sort().join()) return false;
        for (const store of stores) {
          if (store.partitions > 0 && !(await this.#serves(store, status.topologyVersion))) return false;
        }
        return stores;
      },
      120_000,
      pollMs,
    );
  }

  /** Whether a store itself says that it serves what the master says of it, as of this topology or a later one. */
  async #serves({ ip, clientPort, partitions }: StoreInfo, topologyVersion: number): Promise<boolean> {
    const status = await this.#clientOf(`${ip}:${clientPort}`)
      .call(storeService.getStoreStatus, {})
      .catch(() => undefined);
    return (
      status !== undefined &&
      status.topologyVersion >= topologyVersion &&
      status.ownedPartitions.length === partitions
    );
  }

  /** Waits until an operation has succeeded; rejects when it failed or was cancelled. */
  async finished(operationId: string): Promise<Operation> {
    return await waitFor(
      `${operationId} to end`,
      async () => {
        const { operation } = await this.admin(adminService.getOperation, { operationId });
        if (operation?.state === OperationState.FAILED || operation?.state === OperationState.CANCELLED) {
          throw new Error(`${operationId} ended badly: ${operation.message}`);
        }
        return operation?.state === OperationState.SUCCEEDED && operation;
      },
      60_000,
      pollMs,
    );
  }

  /** Kills whatever still runs and deletes the folder. */
  async stop(): Promise<void> {
    for (const client of this.#clients.values()) client.close();
    for (const child of [...this.stores.values(), this.master]) await child?.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

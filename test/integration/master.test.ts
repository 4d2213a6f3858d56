import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, beforeEach, describe, it } from "node:test";
import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import {
  AdminServiceClient,
  type GetClusterStatusResponse,
  type Operation,
  OperationState,
  type StoreInfo,
  TopologyServiceClient,
  type WatchTopologyResponse,
} from "../../services/gen/elastickv/v1/master.js";
import { type RunningMaster, startMaster } from "../../services/master/master.js";
import { masterSettings } from "../../services/master/settings.js";
import { loadSettings } from "../../services/runtime/settings.js";
import { FakeStore } from "../support/fake-store.js";
import { waitFor } from "../support/wait-for.js";

const folder = mkdtempSync(join(tmpdir(), "ekv-master-"));
let runs = 0;

/** One master on its own folder, with what a test needs around it. */
class MasterRun {
  readonly data: string;
  readonly stores: FakeStore[] = [];
  readonly fatal: unknown[] = [];
  master: RunningMaster | undefined;
  admin: AdminServiceClient | undefined;
  topology: TopologyServiceClient | undefined;
  #port = 0;

  constructor() {
    runs += 1;
    this.data = join(folder, String(runs));
  }

  async start(...args: string[]): Promise<void> {
    const first = this.#port === 0;
    const argv = [
      ...[
        "--data",
        this.data,
        "--port",
        String(this.#port),
        "--log-level",
        "error",
        "--monitor-interval-ms",
        "20",
      ],
      ...(first ? ["--create", "--partitions", "64"] : []),
      ...args,
    ];
    this.master = await startMaster(loadSettings(masterSettings, { argv, env: {} }), (error) =>
      this.fatal.push(error),
    );
    this.#port = Number(this.master.address.split(":")[1]);
    this.admin = new AdminServiceClient(this.master.address, credentials.createInsecure());
    this.topology = new TopologyServiceClient(this.master.address, credentials.createInsecure());
  }

  async stop(): Promise<void> {
    this.admin?.close();
    this.topology?.close();
    await this.master?.stop();
    this.master = undefined;
  }

  async store(storeId: string): Promise<FakeStore> {
    const store = new FakeStore(storeId, this.master?.address ?? "");
    this.stores.push(store);
    await store.start();
    return store;
  }

  /** One unary call of AdminService. */
  ask<A>(
    call: (admin: AdminServiceClient, done: (error: ServiceError | null, answer: A) => void) => unknown,
  ): Promise<A> {
    return new Promise((resolve, reject) => {
      assert.ok(this.admin);
      call(this.admin, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
  }

  async operations(): Promise<Operation[]> {
    const { operations } = await this.ask<{ operations: Operation[] }>((admin, done) =>
      admin.listOperations({ activeOnly: false }, done),
    );
    return operations;
  }

  async storeInfos(): Promise<StoreInfo[]> {
    const { stores } = await this.ask<{ stores: StoreInfo[] }>((admin, done) => admin.listStores({}, done));
    return stores;
  }

  status(): Promise<GetClusterStatusResponse> {
    return this.ask<GetClusterStatusResponse>((admin, done) => admin.getClusterStatus({}, done));
  }

  /** Waits until the newest operation ended, and returns it. */
  async ended(count: number): Promise<Operation> {
    return await waitFor(`operation ${count} to end`, async () => {
      const operations = await this.operations();
      const [newest] = operations;
      return operations.length === count && newest !== undefined && newest.finishedAtMs > 0 && newest;
    });
  }
}

describe("a master over the wire", () => {
  let run: MasterRun;

  beforeEach(() => {
    run = new MasterRun();
  });

  afterEach(async () => {
    for (const store of run.stores) await store.stop();
    await run.stop();
    assert.deepEqual(run.fatal, []);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it("forms a cluster, grows it and shrinks it", async () => {
    await run.start("--initial-stores", "2");
    const [one, two] = [await run.store("store-1"), await run.store("store-2")];
    await waitFor("the first assignment", () => one.owned() === 32 && two.owned() === 32);
    const three = await run.store("store-3");
    const added = await run.ended(1);
    assert.equal(added.state, OperationState.SUCCEEDED);
    assert.deepEqual(
      [added.movesTotal, added.movesDone, added.movesMinimum, added.keysMoved],
      [21, 21, 21, 63],
    );
    await waitFor("its share", () => three.owned() === 21);
    await run.ask((admin, done) =>
      admin.removeStore({ storeId: "store-1", dryRun: false, purge: false }, done),
    );
    await waitFor("the order to stop", () => one.shutdown);
    await one.stop();
    assert.equal((await run.ended(2)).state, OperationState.SUCCEEDED);
    const infos = await run.storeInfos();
    assert.deepEqual(
      infos.map((info) => [info.storeId, info.partitions, info.leftStoreId]),
      [
        ["store-2", 32, "store-3"],
        ["store-3", 32, "store-2"],
      ],
    );
    const { partitionsUnavailable, partitionsUnassigned, storesAlive } = await run.status();
    assert.deepEqual([partitionsUnavailable, partitionsUnassigned, storesAlive], [0, 0, 2]);
  });

  it("sends each store one snapshot and then what changed", async () => {
    await run.start();
    const one = await run.store("store-1");
    await run.store("store-2");
    await run.ended(1);
    assert.equal(one.updates.filter((size) => size === -1).length, 1);
    assert.ok(one.updates.slice(1).every((size) => size < 64));
  });

  it("finds a killed store at once, and a silent one after the suspect interval", async () => {
    await run.start("--suspect-after-ms", "600000", "--initial-stores", "2");
    const [one, two] = [await run.store("store-1"), await run.store("store-2")];
    await waitFor("the first assignment", () => one.owned() === 32);
    await two.stop({ answersProbes: true });
    await one.stop();
    const infos = await waitFor("store-1 to be found dead", async () => {
      const found = await run.storeInfos();
      return found[0]?.alive === false && found;
    });
    assert.equal(infos[1]?.alive, true, "it answers probes");
    const quick = new MasterRun();
    try {
      await quick.start("--suspect-after-ms", "100");
      await quick.store("store-1");
      await waitFor("the silence to be noticed", async () => (await quick.storeInfos())[0]?.alive === false);
    } finally {
      for (const store of quick.stores) await store.stop();
      await quick.stop();
    }
  });

  it("goes on with a move after a restart, under a higher term", async () => {
    await run.start();
    const one = await run.store("store-1");
    await waitFor("the first assignment", () => one.owned() === 64);
    const answered = one.answer;
    one.answer = () => undefined;
    const two = await run.store("store-2");
    await waitFor("a copy to be ordered", () => one.directives.length > 0);
    await run.stop();
    await run.start();
    one.answer = answered;
    for (const store of [one, two]) {
      const { incarnation, term } = await store.register();
      assert.deepEqual([incarnation, term], [1, 2]);
      store.openStream();
    }
    assert.equal((await run.ended(1)).state, OperationState.SUCCEEDED);
    await waitFor("both to have half", () => one.owned() === 32 && two.owned() === 32);
  });

  it("ends the stream of a store it does not know with what to do", async () => {
    await run.start();
    const store = await run.store("store-1");
    store.openStream(99);
    const error = await waitFor("the refusal", () => store.streamError);
    assert.equal(error.code, status.FAILED_PRECONDITION);
    assert.match(error.details, /register again/);
  });

  it("refuses with the status that fits", async () => {
    await run.start();
    const code = async (asked: Promise<unknown>): Promise<status | undefined> =>
      await asked.then(
        () => undefined,
        (error: unknown) => (error as ServiceError).code,
      );
    const removal = { dryRun: false, purge: false };
    assert.equal(
      await code(run.ask((admin, done) => admin.removeStore({ storeId: "store-9", ...removal }, done))),
      status.NOT_FOUND,
    );
    assert.equal(
      await code(run.ask((admin, done) => admin.addStore({ storeId: "NO", dryRun: false }, done))),
      status.FAILED_PRECONDITION,
    );
    await run.store("store-1");
    await waitFor("the ring", async () => (await run.status()).partitionsUnassigned === 0);
    assert.equal(
      await code(run.ask((admin, done) => admin.addStore({ storeId: "NO", dryRun: false }, done))),
      status.INVALID_ARGUMENT,
    );
    assert.equal(
      await code(run.ask((admin, done) => admin.removeStore({ storeId: "store-1", ...removal }, done))),
      status.FAILED_PRECONDITION,
    );
    assert.equal(
      await code(run.ask((admin, done) => admin.getOperation({ operationId: "operation-7" }, done))),
      status.NOT_FOUND,
    );
    const watched = new Promise((_, reject) => {
      run.admin
        ?.watchOperation({ operationId: "operation-7" })
        .on("data", () => undefined)
        .on("error", reject);
    });
    assert.equal(await code(watched), status.NOT_FOUND);
  });

  it("plans with dry-run and keeps nothing of it", async () => {
    await run.start();
    await run.store("store-1");
    await waitFor("the ring", async () => (await run.status()).partitionsUnassigned === 0);
    const { result } = await run.ask<{ result: { $case: string; value: unknown } | undefined }>(
      (admin, done) => admin.addStore({ storeId: "", dryRun: true }, done),
    );
    assert.ok(result?.$case === "plan");
    assert.equal((result.value as { moves: unknown[] }).moves.length, 32);
    assert.deepEqual(await run.operations(), []);
  });

  it("shows an operation's watchers each state, and ends with it", async () => {
    await run.start();
    const one = await run.store("store-1");
    await waitFor("the first assignment", () => one.owned() === 64);
    const answered = one.answer;
    one.answer = () => undefined;
    await run.store("store-2");
    await waitFor("a copy to be ordered", () => one.directives.length > 0);
    const states: OperationState[] = [];
    const ended = new Promise<void>((resolve, reject) => {
      run.admin
        ?.watchOperation({ operationId: "operation-1" })
        .on("data", ({ operation }: { operation: Operation }) => states.push(operation.state))
        .on("end", resolve)
        .on("error", reject);
    });
    await waitFor("the first state", () => states.length > 0);
    const steer = { operationId: "operation-1" };
    await run.ask((admin, done) => admin.pauseOperation(steer, done));
    await waitFor("the pause", () => states.includes(OperationState.PAUSED));
    await run.ask((admin, done) => admin.resumeOperation(steer, done));
    one.answer = answered;
    // The orders were heard, and not followed: a new stream has them sent again.
    one.openStream();
    await ended;
    assert.equal(states[0], OperationState.RUNNING);
    assert.equal(states.at(-1), OperationState.SUCCEEDED);
  });

  it("pushes the topology to watchers as it changes", async () => {
    await run.start();
    const updates: WatchTopologyResponse["update"][] = [];
    const stream = run.topology?.watchTopology({ knownVersion: 0 });
    stream
      ?.on("data", (message: WatchTopologyResponse) => updates.push(message.update))
      .on("error", () => undefined);
    await waitFor("the snapshot", () => updates[0]?.$case === "snapshot");
    await run.store("store-1");
    await waitFor("the assignment", () =>
      updates.some((update) => update?.$case === "delta" && update.value.partitions.length === 64),
    );
    stream?.cancel();
  });
});

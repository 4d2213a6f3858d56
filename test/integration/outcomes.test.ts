import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { connectAdmin } from "../../client/admin.js";
import type { EkvError } from "../../services/core/errors.js";
import { StoreServiceService } from "../../services/gen/elastickv/v1/store.js";
import type { RunningServer, ServedService } from "../../services/runtime/grpc-server.js";
import { startServer } from "../../services/runtime/grpc-server.js";
import { adminService } from "../../services/wire/services.js";
import { HandCluster, type HandStore } from "../support/hand-cluster.js";
import { freePort } from "../support/free-ports.js";

import { RawClient, refusedWith } from "../support/raw-client.js";
import { waitFor } from "../support/wait-for.js";

const { get, put } = StoreServiceService;
const key = Buffer.from("key");

/** A server that takes calls and never answers them. */
class MuteServer {
  readonly #server: RunningServer;
  readonly #taken: { calls: number };

  private constructor(server: RunningServer, taken: { calls: number }) {
    this.#server = server;
    this.#taken = taken;
  }

  static async start(name: string, definition: ServedService["definition"]): Promise<MuteServer> {
    const taken = { calls: 0 };
    const take = (): void => void (taken.calls += 1);
    const handlers: UntypedServiceImplementation = {};
    for (const method of Object.keys(definition)) handlers[method] = take;
    const services = [{ name, definition, handlers }];
    // In the place of the hand-made cluster's `owner`, or of a master.
    const identity = { clusterId: "hand-made", storeId: "owner" };
    const options = { host: "127.0.0.1", port: 0, services, messageBytesMax: 65_536 };
    return new MuteServer(await startServer({ ...options, identity: () => identity }), taken);
  }

  get address(): string {
    return this.#server.address;
  }

  get calls(): number {
    return this.#taken.calls;
  }

  /** Cuts a call off once it is under way, as a server does at the end of its grace. */
  async cutOff(call: Promise<unknown>): Promise<void> {
    call.catch(() => undefined); // Whoever waits for it sees that.
    await waitFor("the call to be under way", () => this.#taken.calls > 0);
    await this.#server.stop(0);
  }

  async stop(): Promise<void> {
    await this.#server.stop(0);
  }
}

describe("a call that the other side cuts off", { timeout: 120_000 }, () => {
  const undo: (() => Promise<void> | void)[] = [];

  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  /** Two stores, of which the second owns everything, and a client of the first. */
  async function start(): Promise<{ cluster: HandCluster; owner: HandStore; client: RawClient }> {
    const cluster = new HandCluster();
    undo.push(() => cluster.stop());
    const first = await cluster.start("first");
    const owner = await cluster.start("owner");
    await cluster.assignAll(owner);
    const client = new RawClient(first.server.address);
    undo.push(() => client.close());
    return { cluster, owner, client };
  }

  async function mute(name: string, definition: ServedService["definition"]): Promise<MuteServer> {
    const server = await MuteServer.start(name, definition);
    undo.push(() => server.stop());
    return server;
  }

  it("a forwarded write: its outcome is unknown", async () => {
    const { cluster, client } = await start();
    const owner = await mute("elastickv.v1.StoreService", StoreServiceService);
    await cluster.advertise("owner", owner.address);
    const call = client.call(put, { key, value: key, ttlMs: 0, condition: undefined, identity: undefined });
    await owner.cutOff(call);
    await assert.rejects(call, refusedWith("OUTCOME_UNKNOWN", /cut off/));
  });

  it("a forwarded read: it is repeated, at whoever owns the key by then", async () => {
    const { cluster, owner, client } = await start();
    await client.call(put, { key, value: key, ttlMs: 0, condition: undefined, identity: undefined });
    const former = await mute("elastickv.v1.StoreService", StoreServiceService);
    await cluster.advertise("owner", former.address);
    const call = client.call(get, { key, consistency: 0 });
    await waitFor("the call to be under way", () => former.calls > 0);
    await cluster.advertise("owner", owner.server.address);
    await former.cutOff(call);
    assert.equal(Buffer.from((await call).value).toString(), "key");
  });

  it("an administrator's change: its outcome is unknown, and it is not repeated", async () => {
    const master = await mute("elastickv.v1.AdminService", adminService);
    const admin = connectAdmin({ seeds: [master.address] });
    undo.push(() => admin.close());
    const call = admin.addStore({ storeId: "store-9", dryRun: false } as Parameters<
      typeof admin.addStore
    >[0]);
    await master.cutOff(call);
    await assert.rejects(call, refusedWith("OUTCOME_UNKNOWN", /cut off/));
    assert.equal(master.calls, 1);
  });

  it("an administrator's question: it is repeated", async () => {
    const master = await mute("elastickv.v1.AdminService", adminService);
    const admin = connectAdmin({ seeds: [master.address] });
    undo.push(() => admin.close());
    const call = admin.listStores();
    await master.cutOff(call);
    // The second attempt finds nobody.
    await assert.rejects(call, refusedWith("UNAVAILABLE", /connection refused/));
  });

  it("given up by the caller itself: CANCELLED for a question, unknown for a change under way", async () => {
    const master = await mute("elastickv.v1.AdminService", adminService);
    const admin = connectAdmin({ seeds: [master.address] });
    undo.push(() => admin.close());
    const giveUp = new AbortController();
    const question = assert.rejects(
      admin.listStores({}, { signal: giveUp.signal }),
      refusedWith("CANCELLED", /gave up/),
    );
    const pause = admin.pauseOperation({ operationId: "operation-1" }, { signal: giveUp.signal });
    const change = assert.rejects(pause, refusedWith("OUTCOME_UNKNOWN", /gave up/));
    await waitFor("both to be under way", () => master.calls === 2);
    giveUp.abort();
    await Promise.all([question, change]);
  });

  it("never sent, for nobody listens: not executed", async () => {
    const { cluster, client } = await start();
    await cluster.advertise("owner", `127.0.0.1:${await freePort()}`);
    const write = client.call(put, { key, value: key, ttlMs: 0, condition: undefined, identity: undefined });
    const error = await write.then(
      () => undefined,
      (refused: EkvError) => refused,
    );
    assert.deepEqual([error?.code, error?.notExecuted], ["UNAVAILABLE", true]);
  });
});

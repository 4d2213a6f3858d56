import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Client, codecs, connect } from "../../client/index.js";
import type { EkvError } from "../../services/core/errors.js";
import { hashKey, partitionOf } from "../../services/core/hash.js";
import { Consistency, StoreServiceService } from "../../services/gen/elastickv/v1/store.js";
import type { Channel } from "../../services/wire/channel.js";
import { openGrpcChannel } from "../../services/wire/grpc-channel.js";
import { anyServer } from "../../services/core/server-identity.js";
import { callUnary } from "../../services/wire/unary-call.js";
import type { Child } from "../support/children.js";
import { ProcessCluster } from "../support/process-cluster.js";

const deadlineMs = 400;
const patientMs = 60_000;

describe("a write whose deadline passes while its store stands still", { timeout: 240_000 }, () => {
  const cluster = new ProcessCluster(["--partitions", "16", "--initial-stores", "2"]);
  /** To each store, by its name. */
  const channels = new Map<string, Channel>();
  let client: Client<string>;

  before(async () => {
    await cluster.startMaster();
    for (const storeId of ["store-1", "store-2"]) {
      await cluster.startStore(storeId);
      channels.set(storeId, openGrpcChannel(cluster.storeAddress(storeId), {}, anyServer));
    }
    await cluster.settled("store-1", "store-2");
    client = await connect({ seeds: [cluster.masterAddress], codec: codecs.string, deadlineMs: patientMs });
  });

  after(async () => {
    await client.close();
    for (const channel of channels.values()) channel.close();
    await cluster.stop();
  });

  function unaryPut(through: string, key: string, timeoutMs: number): Promise<unknown> {
    const request = { key: Buffer.from(key), value: Buffer.from("late"), ttlMs: 0 };
    return callUnary(
      channels.get(through)!,
      StoreServiceService.put,
      { ...request, condition: undefined, identity: undefined },
      { deadlineWallMs: Date.now() + timeoutMs, writes: true },
    );
  }

  /** Whether a key is there once such a put, on the same connections, has been dealt with. */
  async function isStored(through: string, key: string): Promise<boolean> {
    await unaryGet(through, key);
    return await unaryGet(through, key);
  }

  async function unaryGet(through: string, key: string): Promise<boolean> {
    const request = { key: Buffer.from(key), consistency: Consistency.LINEARIZABLE };
    const options = { deadlineWallMs: Date.now() + patientMs, writes: false };
    return (await callUnary(channels.get(through)!, StoreServiceService.get, request, options)).found;
  }

  /** A key of a store, unlike any other. */
  function keyOf(storeId: string, name: string): string {
    const { partitions } = client.topology();
    const bits = Math.log2(partitions.length);
    for (let i = 0; ; i += 1) {
      const key = `${name}-${i}`;
      const entry = partitions[partitionOf(hashKey(Buffer.from(key)), bits)];
      if (entry?.primary?.storeId === storeId) return key;
    }
  }

  /** Makes a write at a store that is stopped, and lets the store go on when the caller has given up. */
  async function writeWhileStopped(store: Child, write: () => Promise<unknown>): Promise<void> {
    store.process.kill("SIGSTOP");
    try {
      await assert.rejects(write(), (error: EkvError) => error.code === "OUTCOME_UNKNOWN");
    } finally {
      store.process.kill("SIGCONT");
    }
  }

  it("takes no effect afterwards, through the SDK", async () => {
    const store = cluster.stores.get("store-1")!;
    for (let round = 0; round < 3; round += 1) {
      const key = keyOf("store-1", `sdk-${round}`);
      await client.contains(key);
      await writeWhileStopped(store, () => client.put(key, "late", { deadlineMs }));
      // Behind the write, on the same connection: the first may be answered beside it, the second is answered after it.
      await client.get(key);
      assert.equal(await client.get(key), undefined);
    }
  });

  it("takes no effect afterwards, as a unary call", async () => {
    const key = keyOf("store-1", "unary");
    await unaryPut("store-1", key, patientMs);
    await client.delete(key);
    await writeWhileStopped(cluster.stores.get("store-1")!, () => unaryPut("store-1", key, deadlineMs));
    assert.equal(await isStored("store-1", key), false);
  });

  it("takes no effect afterwards, when another store forwarded it", async () => {
    const key = keyOf("store-1", "forwarded");
    await unaryPut("store-2", key, patientMs);
    await client.delete(key);
    await writeWhileStopped(cluster.stores.get("store-1")!, () => unaryPut("store-2", key, deadlineMs));
    assert.equal(await isStored("store-2", key), false);
  });

  it("takes effect when the store goes on in time", async () => {
    const store = cluster.stores.get("store-1")!;
    const key = keyOf("store-1", "in-time");
    store.process.kill("SIGSTOP");
    const write = client.put(key, "in time", { deadlineMs: patientMs });
    store.process.kill("SIGCONT");
    await write;
    assert.equal(await client.get(key), "in time");
  });
});

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { adminService, storeService, topologyService } from "../../services/wire/services.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { RawClient } from "../support/raw-client.js";
import { waitFor } from "../support/wait-for.js";

const keys = Array.from({ length: 2000 }, (_, i) => Buffer.from(`key-${i}`));

describe("paper 6.2: adding a server", () => {
  const cluster = new ProcessCluster(["--placement", "contiguous", "--partitions", "64", "--no-auto-join"]);
  let client: RawClient;

  before(async () => {
    await cluster.startMaster();
    await cluster.startStore("store-1");
    await cluster.settled("store-1");
    client = new RawClient(cluster.storeAddress("store-1"));
    const puts = keys.map((key) => ({
      key,
      value: key,
      ttlMs: 0,
      condition: undefined,
      identity: undefined,
    }));
    const { results } = await client.call(storeService.multiPut, { puts });
    assert.deepEqual(
      results.flatMap(({ outcome }) => (outcome?.$case === "failure" ? [outcome.value.message] : [])),
      [],
    );
  });

  after(async () => {
    client.close();
    await cluster.stop();
  });

  it("steps 1 and 2: a new server registers, and the master knows its address and ports", async () => {
    await cluster.startStore("store-2");
    const stores = await waitFor("store-2 to register", async () => {
      const list = await cluster.list();
      return list.length === 2 && list;
    });
    const added = stores.find(({ storeId }) => storeId === "store-2");
    assert.equal(added?.alive, true);
    assert.equal(`${added?.ip}:${added?.clientPort}`, cluster.storeAddress("store-2"));
    assert.equal(added?.partitions, 0, "it holds nothing yet");
  });

  it("step 3: the largest range is split, and both servers are on the migrating list", async () => {
    const { result } = await cluster.admin(adminService.addStore, { storeId: "store-2", dryRun: true });
    assert.ok(result?.$case === "plan");
    assert.deepEqual(new Set(result.value.moves.map((move) => move.sourceStoreId)), new Set(["store-1"]));
    assert.equal(result.value.moves.length, 32, "half of the one range");
    assert.deepEqual(
      result.value.moves.map(({ partition }) => partition),
      Array.from({ length: 32 }, (_, i) => 32 + i),
    );
  });

  it("steps 4 to 7: the range moves with every key, the ring and the KVStoreMap follow, the source is cleaned up", async () => {
    const { result } = await cluster.admin(adminService.addStore, { storeId: "store-2", dryRun: false });
    assert.ok(result?.$case === "operation");
    const operation = await cluster.finished(result.value.id);
    assert.equal(operation.movesDone, 32);

    const { ranges } = await cluster.admin(adminService.describeRing, {});
    assert.deepEqual(
      ranges.map(({ storeId, partitions }) => [storeId, partitions]),
      [
        ["store-1", 32],
        ["store-2", 32],
      ],
    );
    const { migratingStoreIds } = await cluster.admin(adminService.getClusterStatus, {});
    assert.deepEqual(migratingStoreIds, [], "nobody is on the migrating list any longer");
    const stores = await cluster.settled("store-1", "store-2");
    assert.deepEqual(
      stores.map(({ storeId, leftStoreId, rightStoreId }) => [storeId, leftStoreId, rightStoreId]),
      [
        ["store-1", "store-2", "store-2"],
        ["store-2", "store-1", "store-1"],
      ],
    );
    const { results } = await client.call(storeService.multiGet, { keys, consistency: 0 });
    for (const [i, { outcome }] of results.entries()) {
      assert.ok(outcome?.$case === "got" && Buffer.from(outcome.value.value).equals(keys[i]!));
    }
    const target = new RawClient(cluster.storeAddress("store-2"));
    const held = await Promise.all(
      [client, target].map((one) => one.call(storeService.getStoreStatus, {}).then((status) => status.keys)),
    );
    target.close();
    assert.equal(
      held.reduce((sum, count) => sum + count, 0),
      keys.length,
      "every key is held once",
    );
    const { store } = await client.call(topologyService.lookup, { key: keys[0]! });
    assert.ok(store);
  });
});

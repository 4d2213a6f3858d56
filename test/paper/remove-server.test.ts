import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { adminService, storeService } from "../../services/wire/services.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { RawClient, refusedWith } from "../support/raw-client.js";
import { waitFor } from "../support/wait-for.js";

const keys = Array.from({ length: 1500 }, (_, i) => Buffer.from(`key-${i}`));

describe("paper 6.3: removing a server", () => {
  const cluster = new ProcessCluster([
    ...["--placement", "contiguous", "--partitions", "64", "--initial-stores", "3"],
  ]);
  let client: RawClient;

  before(async () => {
    await cluster.startMaster();
    for (const storeId of ["store-1", "store-2", "store-3"]) await cluster.startStore(storeId);
    await cluster.settled("store-1", "store-2", "store-3");
    client = new RawClient(cluster.storeAddress("store-3"));
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

  it("steps 1 to 5: the plan gives the leaving server's range to one neighbour, the one with fewer keys", async () => {
    // The plan goes by what heartbeats have told: all of them, before it is made.
    const stores = await waitFor("the master to know of every key", async () => {
      const list = await cluster.list();
      return list.reduce((sum, { keyNum }) => sum + keyNum, 0) === keys.length && list;
    });
    const { result } = await cluster.admin(adminService.removeStore, {
      storeId: "store-2",
      dryRun: true,
      purge: false,
    });
    assert.ok(result?.$case === "plan");
    const targets = new Set(result.value.moves.map(({ targetStoreId }) => targetStoreId));
    assert.equal(targets.size, 1);
    const keyNum = new Map(stores.map((store) => [store.storeId, store.keyNum]));
    const [target] = targets;
    const other = target === "store-1" ? "store-3" : "store-1";
    assert.ok((keyNum.get(target!) ?? 0) <= (keyNum.get(other) ?? 0));
    await assert.rejects(
      cluster.admin(adminService.removeStore, { storeId: "store-9", dryRun: false, purge: false }),
      refusedWith("NOT_FOUND", /store-9/),
    );
  });

  it("steps 6 to 12: its data moves in verified chunks, it shuts down, and the maps forget it", async () => {
    const { result } = await cluster.admin(adminService.removeStore, {
      storeId: "store-2",
      dryRun: false,
      purge: false,
    });
    assert.ok(result?.$case === "operation");
    await cluster.finished(result.value.id);
    await cluster.stores.get("store-2")?.ended;
    assert.equal(cluster.stores.get("store-2")?.process.exitCode, 0, "it ended by itself, having drained");
    const stores = await cluster.settled("store-1", "store-3");
    assert.deepEqual(
      stores.map(({ storeId }) => storeId),
      ["store-1", "store-3"],
    );
    const { ranges } = await cluster.admin(adminService.describeRing, {});
    assert.equal(ranges.filter(({ storeId }) => storeId === "store-2").length, 0);
    const { results } = await client.call(storeService.multiGet, { keys, consistency: 0 });
    for (const [i, { outcome }] of results.entries()) {
      assert.ok(outcome?.$case === "got" && Buffer.from(outcome.value.value).equals(keys[i]!));
    }
  });

  it("refuses to remove the last server", async () => {
    const { result } = await cluster.admin(adminService.removeStore, {
      storeId: "store-1",
      dryRun: false,
      purge: false,
    });
    assert.ok(result?.$case === "operation");
    await cluster.finished(result.value.id);
    await assert.rejects(
      cluster.admin(adminService.removeStore, { storeId: "store-3", dryRun: false, purge: false }),
      refusedWith("FAILED_PRECONDITION", /last/),
    );
  });
});

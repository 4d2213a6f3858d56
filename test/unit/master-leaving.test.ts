import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MasterBench } from "../support/master-bench.js";

function clusterOf(stores: number): MasterBench {
  const bench = new MasterBench({ partitionCount: 16, initialStores: stores });
  for (let i = 1; i <= stores; i += 1) bench.start(`store-${i}`);
  return bench;
}

/** The stores are being stopped for good: their next heartbeats say so. */
function wish(bench: MasterBench, ...storeIds: readonly string[]): void {
  for (const storeId of storeIds) {
    bench.store(storeId).isLeaving = true;
    bench.beat(bench.store(storeId));
  }
}

/** The wishes have had time to come in. */
function decide(bench: MasterBench): void {
  bench.nowMs += 1100;
  for (const store of bench.stores.values()) bench.beat(store);
}

describe("a store that is stopped for good", () => {
  it("is removed as if an operator had asked", () => {
    const bench = clusterOf(3);
    wish(bench, "store-2");
    assert.equal(bench.view.operations().length, 0, "others may be about to be stopped too");
    decide(bench);
    bench.settle();
    assert.equal(bench.operationLine("operation-1"), "remove-store finished succeeded");
    assert.deepEqual(bench.counts(), { "store-1": 8, "store-3": 8 });
    assert.equal(bench.store("store-2").isStopped, true);
  });

  it("gives nothing to another that is stopped too", () => {
    const bench = clusterOf(4);
    wish(bench, "store-3", "store-4");
    decide(bench);
    bench.settle();
    assert.deepEqual(bench.counts(), { "store-1": 8, "store-2": 8 });
    const moved = bench.view.operations().reduce((sum, { operation }) => sum + operation.movesDone, 0);
    assert.equal(moved, 8, "each partition moved once");
  });

  it("keeps its data when every store is stopped", () => {
    const bench = clusterOf(3);
    wish(bench, "store-1", "store-2", "store-3");
    bench.settle();
    for (const store of bench.stores.values()) assert.match(store.stayed ?? "", /no other store stays/);
    assert.equal(bench.view.operations().length, 0);
    assert.deepEqual(Object.values(bench.counts()).sort(), [5, 5, 6]);
  });

  it("keeps what has not moved yet when the last of the others is stopped late", () => {
    const bench = clusterOf(2);
    wish(bench, "store-1");
    decide(bench);
    bench.work("store-1");
    wish(bench, "store-2");
    bench.settle();
    assert.equal(bench.operationLine("operation-1"), "remove-store finished cancelled");
    for (const store of bench.stores.values()) assert.notEqual(store.stayed, undefined);
    bench.settle();
    const states = bench.view.topology.stores.map(({ state }) => state);
    assert.deepEqual(states, ["active", "active"]);
  });

  it("is not removed when only dead stores would be left", () => {
    const bench = clusterOf(2);
    bench.kill("store-2");
    wish(bench, "store-1");
    bench.settle();
    assert.match(bench.store("store-1").stayed ?? "", /no other store stays/);
  });

  it("is told to stay when an operator cancels its removal", () => {
    const bench = clusterOf(2);
    wish(bench, "store-2");
    decide(bench);
    bench.ask({ kind: "cancel", operationId: bench.view.operations()[0]!.operation.id });
    bench.settle();
    assert.match(bench.store("store-2").stayed ?? "", /cancelled|ended/);
    assert.equal(bench.view.operations().length, 1);
  });

  it("stops joining first", () => {
    const bench = clusterOf(1);
    bench.start("store-2");
    assert.equal(bench.operationLine("operation-1"), "add-store moving");
    wish(bench, "store-2");
    bench.settle();
    decide(bench);
    bench.settle();
    assert.equal(bench.operationLine("operation-1"), "add-store finished cancelled");
    assert.equal(bench.operationLine("operation-2"), "remove-store finished succeeded");
    assert.deepEqual(bench.counts(), { "store-1": 16 });
  });

  it("is a member again when it comes back before it was empty", () => {
    const bench = clusterOf(2);
    wish(bench, "store-2");
    decide(bench);
    bench.work("store-2");
    bench.kill("store-2");
    bench.store("store-2").isLeaving = false;
    bench.start("store-2");
    bench.settle();
    assert.equal(bench.operationLine("operation-1"), "remove-store finished cancelled");
    assert.equal(bench.view.topology.stores.find(({ storeId }) => storeId === "store-2")?.state, "active");
  });

  it("goes on leaving under a new master", () => {
    const bench = clusterOf(2);
    wish(bench, "store-2");
    decide(bench);
    bench.restart();
    for (const store of bench.stores.values()) bench.start(store.storeId, store.processId);
    decide(bench);
    bench.settle();
    assert.equal(bench.operationLine("operation-1"), "remove-store finished succeeded");
    assert.deepEqual(bench.counts(), { "store-1": 16 });
  });
});

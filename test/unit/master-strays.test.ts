import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { brandAs, type Generation, type PartitionId, type TopologyVersion } from "../../services/core/ids.js";
import { MasterBench } from "../support/master-bench.js";

const p0 = brandAs<PartitionId>(0);

/** Two partitions, one moved from store-1 to store-2, whose deletion on store-1 was taken back. */
function withStray(): MasterBench {
  const bench = new MasterBench({ partitionCount: 2, movesInFlightMax: 1 });
  bench.start("store-1");
  bench.start("store-2");
  bench.settle();
  assert.equal(bench.entry(0).primary?.storeId, "store-2");
  const { live } = bench.store("store-1");
  assert.ok(!live.has(p0));
  live.set(p0, brandAs<Generation>(1));
  return bench;
}

/** What a periodic heartbeat of a store is answered with. */
function ordersOnBeat(bench: MasterBench, storeId = "store-1"): string[] {
  const known = bench.trace.length;
  bench.beatWithLoad(bench.store(storeId));
  return bench.trace.slice(known).filter((line) => line.startsWith("send"));
}

describe("a copy of what another store serves", () => {
  it("is ordered to be deleted until it is gone, also by a master that was restarted", () => {
    const bench = withStray();
    const { epoch } = bench.entry(0);
    assert.deepEqual(ordersOnBeat(bench), [`send store-1 delete-stray p0@${epoch}`]);
    bench.restart();
    for (const storeId of ["store-1", "store-2"]) bench.start(storeId, bench.store(storeId).processId);
    for (const store of bench.stores.values()) bench.beat(store);
    assert.deepEqual(ordersOnBeat(bench), [`send store-1 delete-stray p0@${epoch}`]);
    bench.settle();
    assert.ok(!bench.store("store-1").live.has(p0) && bench.store("store-2").live.has(p0));
    assert.deepEqual(ordersOnBeat(bench), []);
  });

  it("is kept while its owner is down, or has not applied all there is", () => {
    const bench = withStray();
    const owner = bench.store("store-2");
    bench.kill("store-2");
    assert.deepEqual(ordersOnBeat(bench), []);
    bench.start("store-2");
    const { applied } = owner;
    owner.applied = brandAs<TopologyVersion>(applied - 1);
    bench.beat(owner);
    assert.deepEqual(ordersOnBeat(bench), []);
    owner.applied = applied;
    bench.beat(owner);
    assert.deepEqual(ordersOnBeat(bench), [`send store-1 delete-stray p0@${bench.entry(0).epoch}`]);
  });

  it("is kept by the source of a move until the move says otherwise", () => {
    const bench = new MasterBench({ partitionCount: 2, movesInFlightMax: 1 });
    bench.start("store-1");
    bench.start("store-2");
    while (bench.entry(0).primary?.storeId === "store-1") assert.ok(bench.work("store-1"));
    // The target's disk has it; the move's own order is what deletes.
    for (const store of bench.stores.values()) bench.beat(store);
    assert.ok(bench.store("store-1").live.has(p0));
    assert.deepEqual(ordersOnBeat(bench), []);
  });

  it("is kept by a store that the entry names as learner or backup", () => {
    for (const role of ["learners", "backups"] as const) {
      const bench = new MasterBench({ partitionCount: 2, movesInFlightMax: 1 });
      bench.start("store-1");
      bench.start("store-2");
      while (bench.entry(0)[role].length === 0) assert.ok(bench.work("store-1"));
      for (const store of bench.stores.values()) bench.beat(store);
      const known = bench.trace.length;
      const copy = { partition: p0, epoch: bench.entry(0).epoch, generation: brandAs<Generation>(7) };
      bench.beatWithLoad(bench.store("store-2"), [copy]);
      assert.deepEqual(
        bench.trace.slice(known).filter((line) => line.includes("delete-stray")),
        [],
        role,
      );
    }
  });

  it("is kept by a store that has not heard of the newest entry", () => {
    const bench = withStray();
    const store = bench.store("store-1");
    const entry = store.entries.get(p0);
    assert.ok(entry);
    bench.kill("store-2");
    bench.start("store-2");
    bench.beat(bench.store("store-2"));
    store.entries.set(p0, entry);
    assert.notEqual(bench.entry(0).epoch, entry.epoch);
    assert.deepEqual(ordersOnBeat(bench), []);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { brandAs, type Epoch, type Incarnation, type PartitionId } from "../../services/core/ids.js";
import type { PartitionEntry } from "../../services/core/topology.js";
import { describeEntry } from "../support/describe.js";
import { id, MasterBench, report } from "../support/master-bench.js";

const p0 = brandAs<PartitionId>(0);

/** Two partitions: p0 of store-1, with a backup on store-3, and p1 of store-3, with one on store-1. */
function benchWithBackups(): MasterBench {
  const bench = new MasterBench({ partitionCount: 2, movesInFlightMax: 1, initialStores: 2 });
  for (const storeId of ["store-1", "store-3"]) bench.start(storeId);
  const incarnation = brandAs<Incarnation>(1);
  for (const [partition, backup] of ["store-3", "store-1"].entries()) {
    const entry: PartitionEntry = {
      ...bench.entry(partition),
      epoch: brandAs<Epoch>(2),
      backups: [{ storeId: id(backup), incarnation }],
    };
    bench.committed.set(`partition/${partition}`, JSON.stringify(entry));
  }
  bench.restart();
  for (const storeId of ["store-1", "store-3"]) bench.start(storeId, bench.store(storeId).processId);
  assert.equal(describeEntry(bench.entry(0)), "p0@2=store-1#1 +store-3#1");
  return bench;
}

/** store-1 is being emptied: store-2 takes p0 over. */
function benchWithCopy(): MasterBench {
  const bench = benchWithBackups();
  bench.start("store-2");
  bench.settle();
  bench.ask({ kind: "remove-store", storeId: "store-1", purge: false, dryRun: false });
  assert.equal(describeEntry(bench.entry(0)), "p0@2=store-1#1 +store-3#1 ?store-2#1");
  return bench;
}

function benchWithReplica(): MasterBench {
  const bench = benchWithCopy();
  assert.ok(bench.work("store-1"));
  assert.equal(describeEntry(bench.entry(0)), "p0@3=store-1#1 +store-3#1 +store-2#1");
  return bench;
}

/** The target has not heard that it is primary. */
function benchWithTransfer(): MasterBench {
  const bench = benchWithReplica();
  const target = bench.store("store-2");
  const { streamId } = target;
  target.streamId = undefined;
  assert.ok(bench.work("store-1"));
  target.streamId = streamId;
  assert.equal(describeEntry(bench.entry(0)), "p0@4=store-2#1 +store-3#1");
  return bench;
}

describe("the other backups of a partition", () => {
  it("stay through every step of a move", () => {
    const bench = benchWithCopy();
    const known = bench.trace.length;
    bench.settle();
    const lines = bench.trace.slice(known).filter((line) => line.includes("p0@") || line.includes("p0 "));
    assert.deepEqual(lines, [
      "publish v6, p0@3=store-1#1 +store-3#1 +store-2#1",
      "send store-1 transfer-leadership move-1 p0@3",
      "publish v7, p0@4=store-2#1 +store-3#1",
      "send store-1 delete-replica move-1 p0@4",
    ]);
  });

  it("stay when the copy is refused", () => {
    const bench = benchWithCopy();
    const { moveId } = bench.entry(0).learners[0] ?? assert.fail();
    bench.beat(bench.store("store-1"), report(moveId, 0, 2, { kind: "nack", reason: "storage full" }));
    assert.equal(describeEntry(bench.entry(0)), "p0@3=store-1#1 +store-3#1");
  });

  it("stay when the target dies, or the primary is restarted, after READY", () => {
    const targetDies = benchWithReplica();
    targetDies.kill("store-2");
    assert.equal(describeEntry(targetDies.entry(0)), "p0@4=store-1#1 +store-3#1");
    const restarted = benchWithReplica();
    restarted.kill("store-1");
    restarted.start("store-1");
    assert.equal(describeEntry(restarted.entry(0)), "p0@4=store-1#2 +store-3#1 ?store-2#1");
  });

  it("stay when the target lost what it was given, and when it comes back with it", () => {
    const lost = benchWithTransfer();
    lost.kill("store-2");
    lost.store("store-2").live.delete(p0);
    lost.start("store-2");
    assert.equal(describeEntry(lost.entry(0)), "p0@5=store-1#1 +store-3#1 ?store-2#2");
    const kept = benchWithTransfer();
    kept.store("store-2").adopt([kept.entry(0)], kept.view.topology.version);
    kept.kill("store-2");
    kept.start("store-2");
    assert.equal(describeEntry(kept.entry(0)), "p0@5=store-2#2 +store-3#1");
  });

  it("stay when the primary is restarted and no move is under way", () => {
    const bench = benchWithBackups();
    bench.kill("store-1");
    bench.start("store-1");
    assert.equal(describeEntry(bench.entry(0)), "p0@3=store-1#2 +store-3#1");
    assert.equal(describeEntry(bench.entry(1)), "p1@2=store-3#1 +store-1#1", "its replica elsewhere too");
  });
});

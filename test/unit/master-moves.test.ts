import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { brandAs, type Generation, type PartitionId, type TopologyVersion } from "../../services/core/ids.js";
import { backoffs } from "../../services/core/limits.js";
import { describeEntry } from "../support/describe.js";
import { id, MasterBench, report } from "../support/master-bench.js";

/** Two partitions at store-1, and store-2 that takes one of them; nothing copied yet. */
function benchWithCopy(options: ConstructorParameters<typeof MasterBench>[0] = {}): MasterBench {
  const bench = new MasterBench({ partitionCount: 2, movesInFlightMax: 1, ...options });
  bench.start("store-1");
  bench.start("store-2");
  assert.deepEqual(describeEntry(bench.entry(0)), "p0@1=store-1#1 ?store-2#1");
  return bench;
}

function benchWithReplica(): MasterBench {
  const bench = benchWithCopy();
  assert.ok(bench.work("store-1"));
  assert.deepEqual(describeEntry(bench.entry(0)), "p0@2=store-1#1 +store-2#1");
  return bench;
}

function benchWithTransfer(): MasterBench {
  const bench = benchWithReplica();
  const store2 = bench.store("store-2");
  const { streamId } = store2;
  // The target has not heard of its ownership yet.
  store2.streamId = undefined;
  assert.ok(bench.work("store-1"));
  store2.streamId = streamId;
  assert.deepEqual(describeEntry(bench.entry(0)), "p0@3=store-2#1");
  return bench;
}

function moveOf(bench: MasterBench): string | undefined {
  const [move] = bench.view.operation(brandAs("operation-1"))?.moves ?? [];
  return move && `${move.step.kind} attempts ${move.attempts}`;
}

describe("a move", () => {
  it("goes add replica, transfer leadership, remove replica", () => {
    const bench = new MasterBench({ partitionCount: 2 });
    bench.start("store-1");
    bench.trace.length = 0;
    bench.start("store-2");
    bench.settle();
    assert.deepEqual(bench.trace, [
      "publish v2, store-2#1 joining",
      "publish v3, store-2#1 active, p0@1=store-1#1 ?store-2#1",
      "send store-1 start-copy move-1 p0@1 to store-2#1",
      "publish v4, p0@2=store-1#1 +store-2#1",
      "send store-1 transfer-leadership move-1 p0@2",
      "publish v5, p0@3=store-2#1",
      "send store-1 delete-replica move-1 p0@3",
    ]);
    assert.equal(bench.operationLine("operation-1"), "add-store finished succeeded");
    assert.deepEqual([...bench.store("store-1").live.keys()], [1]);
  });

  it("asks the source to delete only when the target has applied its ownership", () => {
    const bench = benchWithTransfer();
    assert.equal(bench.store("store-1").inbox.length, 0);
    bench.beat(bench.store("store-2"));
    assert.equal(bench.store("store-1").inbox.length, 0, "an older version says nothing");
    bench.store("store-2").applied = brandAs<TopologyVersion>(99);
    bench.beat(bench.store("store-2"));
    assert.equal(bench.store("store-1").inbox.length, 0, "a version that was never made says nothing");
    bench.store("store-2").adopt([bench.entry(0)], bench.view.topology.version);
    bench.beat(bench.store("store-2"));
    assert.equal(bench.store("store-1").inbox[0]?.kind, "delete-replica");
  });

  it("moves partition after partition within the slots", () => {
    const bench = new MasterBench({ partitionCount: 32, movesInFlightMax: 8, movesPerStoreMax: 3 });
    bench.start("store-1");
    bench.start("store-2");
    const inFlight = (): number =>
      bench.view.topology.partitions.filter(({ learners, backups }) => learners.length + backups.length > 0)
        .length;
    assert.equal(inFlight(), 3);
    while (bench.work("store-1")) assert.ok(inFlight() <= 3);
    bench.settle();
    assert.deepEqual(bench.counts(), { "store-1": 16, "store-2": 16 });
  });

  it("hands few partitions over at a time, those of a store that is down keeping nobody waiting", () => {
    const limits = { movesInFlightMax: 100, movesPerStoreMax: 100, handoffsPerStoreMax: 2 };
    const bench = new MasterBench({ partitionCount: 32, initialStores: 2, ...limits });
    for (const storeId of ["store-1", "store-2", "store-3"]) bench.start(storeId);
    const orders = (storeId: string): number =>
      bench.store(storeId).inbox.filter(({ kind }) => kind === "transfer-leadership").length;
    const copyAll = (storeId: string): void => {
      while (bench.store(storeId).inbox.some(({ kind }) => kind === "start-copy")) {
        const [order] = bench.store(storeId).inbox;
        if (order?.kind === "start-copy") bench.work(storeId);
        else bench.store(storeId).inbox.push(bench.store(storeId).inbox.shift()!);
      }
    };
    copyAll("store-1");
    assert.equal(orders("store-1"), 2, "two of many, for they have one target");
    copyAll("store-2");
    assert.deepEqual([orders("store-1"), orders("store-2")], [2, 0]);
    bench.kill("store-1");
    assert.equal(orders("store-2"), 2, "the target is free for others");
    bench.work("store-2");
    assert.equal(orders("store-2"), 2, "the next follows");
    bench.start("store-1", bench.store("store-1").processId);
    bench.settle();
    for (const count of Object.values(bench.counts())) assert.ok(count === 10 || count === 11);
  });

  it("is rolled back and tried again later when the source refuses it", () => {
    const bench = benchWithCopy();
    bench.beat(bench.store("store-1"), report("move-1", 0, 1, { kind: "nack", reason: "storage full" }));
    assert.equal(describeEntry(bench.entry(0)), "p0@2=store-1#1");
    const waitMs = (bench.machine.wakeAtMs ?? 0) - bench.nowMs;
    const { firstMs } = backoffs.move;
    assert.ok(waitMs >= firstMs / 2 && waitMs <= firstMs, String(waitMs));
    bench.store("store-1").inbox = [];
    bench.tick(Math.ceil(waitMs) - 1);
    assert.equal(describeEntry(bench.entry(0)), "p0@2=store-1#1");
    bench.tick(1);
    assert.equal(describeEntry(bench.entry(0)), "p0@2=store-1#1 ?store-2#1");
    assert.equal(moveOf(bench), "add-learner attempts 1");
    bench.settle();
    assert.deepEqual(bench.counts(), { "store-1": 1, "store-2": 1 });
  });

  it("fails its operation with the reason when it was refused too often", () => {
    const bench = benchWithCopy();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const { epoch } = bench.entry(0);
      bench.beat(
        bench.store("store-1"),
        report("move-1", 0, epoch, { kind: "nack", reason: "storage full" }),
      );
      bench.tick(1000);
    }
    assert.equal(bench.operationLine("operation-1"), "add-store finished failed");
    const operation = bench.view.operation(brandAs("operation-1"))?.operation;
    assert.match(operation?.message ?? "", /partition 0 from store-1 to store-2 failed: storage full/);
    assert.equal(operation?.movesFailed, 1);
    assert.equal(describeEntry(bench.entry(0)), "p0@4=store-1#1");
  });

  it("is rolled back when its target dies, and goes on when it is back", () => {
    const bench = benchWithReplica();
    bench.kill("store-2");
    assert.equal(describeEntry(bench.entry(0)), "p0@3=store-1#1");
    assert.equal(
      bench.view.operation(brandAs("operation-1"))?.operation.message,
      "waits for store-2 to come back",
    );
    bench.start("store-2");
    assert.equal(describeEntry(bench.entry(0)), "p0@3=store-1#1 ?store-2#2");
    assert.equal(moveOf(bench), "add-learner attempts 0");
    bench.settle();
    assert.equal(bench.operationLine("operation-1"), "add-store finished succeeded");
    assert.equal(bench.view.operation(brandAs("operation-1"))?.operation.message, "");
  });

  it("is rolled back when its source dies while copying", () => {
    const bench = benchWithCopy();
    bench.kill("store-1");
    assert.equal(describeEntry(bench.entry(0)), "p0@2=store-1#1");
    bench.start("store-1");
    assert.equal(describeEntry(bench.entry(0)), "p0@3=store-1#2 ?store-2#1");
    bench.settle();
    assert.deepEqual(bench.counts(), { "store-1": 1, "store-2": 1 });
  });

  it("waits for a source that dies after READY, for nobody else can say what was handed over", () => {
    const bench = benchWithReplica();
    bench.kill("store-1");
    assert.equal(describeEntry(bench.entry(0)), "p0@2=store-1#1 +store-2#1");
    bench.start("store-1");
    assert.equal(describeEntry(bench.entry(0)), "p0@3=store-1#2 ?store-2#1");
    bench.settle();
    assert.deepEqual(bench.counts(), { "store-1": 1, "store-2": 1 });
  });

  it("goes on when its source falls silent after READY and is heard again", () => {
    const bench = benchWithReplica();
    bench.store("store-2").streamId = bench.store("store-2").streamId ?? 0;
    for (let i = 0; i < 4; i += 1) {
      bench.tick(1000);
      bench.beat(bench.store("store-2"));
    }
    assert.equal(bench.view.topology.stores[0]?.alive, false);
    assert.equal(describeEntry(bench.entry(0)), "p0@2=store-1#1 +store-2#1");
    assert.ok(bench.work("store-1"));
    assert.equal(bench.view.topology.stores[0]?.alive, true);
    assert.equal(bench.entry(0).primary?.storeId, "store-2");
  });

  it("refuses a RELEASED that arrives after the rollback", () => {
    const bench = benchWithReplica();
    bench.kill("store-2");
    const before = describeEntry(bench.entry(0));
    bench.beat(
      bench.store("store-1"),
      report("move-1", 0, 2, { kind: "released", generation: brandAs<Generation>(1) }),
    );
    assert.equal(describeEntry(bench.entry(0)), before);
    assert.equal(before, "p0@3=store-1#1");
  });

  it("ignores reports that are repeated, stale, of another store or of no move", () => {
    const bench = benchWithReplica();
    const commits = bench.history.length;
    const ready = { kind: "ready", keys: 1, bytes: 1 } as const;
    const released = { kind: "released", generation: brandAs<Generation>(1) } as const;
    bench.beat(bench.store("store-1"), report("move-1", 0, 1, ready));
    bench.beat(bench.store("store-1"), report("move-1", 0, 2, ready));
    bench.beat(bench.store("store-1"), report("move-1", 0, 1, released));
    bench.beat(bench.store("store-1"), report("move-1", 1, 2, released));
    bench.beat(bench.store("store-1"), report("move-9", 0, 2, released));
    bench.beat(bench.store("store-2"), report("move-1", 0, 2, released));
    bench.beat(bench.store("store-1"), report("move-1", 0, 1, { kind: "nack", reason: "stale" }));
    assert.equal(bench.history.length, commits, "nothing was committed");
  });

  it("counts copied keys as they come, and no more than there are", () => {
    const bench = benchWithCopy();
    bench.beat(bench.store("store-1"), report("move-1", 0, 1, { kind: "copying", keys: 4, bytes: 40 }));
    const commits = bench.history.length;
    assert.equal(bench.view.operation(brandAs("operation-1"))?.keysMoved, 0, "0 keys were planned to move");
    bench.beat(bench.store("store-1"), report("move-1", 0, 1, { kind: "copying", keys: 5, bytes: 50 }));
    assert.equal(bench.history.length, commits, "progress is not committed");
    bench.settle();
    const view = bench.view.operation(brandAs("operation-1"));
    assert.deepEqual([view?.keysMoved, view?.operation.keysTotal, view?.bytesMoved], [10, 10, 100]);
  });

  it("sends an order again that no heartbeat mentions for two seconds, and all when a stream opens", () => {
    const bench = benchWithCopy();
    const store = bench.store("store-1");
    store.inbox = [];
    bench.nowMs += 1999;
    bench.beatWithLoad(store);
    assert.equal(store.inbox.length, 0);
    bench.nowMs += 2;
    bench.beatWithLoad(store);
    assert.equal(store.inbox[0]?.kind, "start-copy");
    store.inbox = [];
    bench.openStream(store);
    assert.equal(store.inbox[0]?.kind, "start-copy");
  });

  it("gives the partition back when its target lost the copy before it went live", () => {
    const bench = benchWithTransfer();
    bench.kill("store-2");
    const store2 = bench.store("store-2");
    store2.live.delete(brandAs<PartitionId>(0));
    bench.start("store-2");
    assert.equal(describeEntry(bench.entry(0)), "p0@4=store-1#1 ?store-2#2");
    bench.settle();
    assert.deepEqual(bench.counts(), { "store-1": 1, "store-2": 1 });
    assert.equal(bench.view.operation(brandAs("operation-1"))?.keysMoved, 10);
  });

  it("goes forward when its target restarts with what it was given", () => {
    const bench = benchWithTransfer();
    const store2 = bench.store("store-2");
    store2.adopt([bench.entry(0)], bench.view.topology.version);
    bench.kill("store-2");
    bench.start("store-2");
    assert.equal(describeEntry(bench.entry(0)), "p0@4=store-2#2");
    bench.settle();
    assert.equal(bench.operationLine("operation-1"), "add-store finished succeeded");
    const { pauses, movesDone } = bench.view.operation(brandAs("operation-1"))?.operation ?? {};
    assert.deepEqual(pauses, { buckets: [{ upToMs: 4, count: movesDone }], maxMs: 4 });
    assert.equal(bench.store("store-1").live.has(brandAs<PartitionId>(0)), false);
    assert.equal(bench.view.topology.stores.find(({ storeId }) => storeId === id("store-2"))?.incarnation, 2);
  });
});

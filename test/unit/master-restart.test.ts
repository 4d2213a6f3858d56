import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MasterBench, MasterDied } from "../support/master-bench.js";

const options = { partitionCount: 16, initialStores: 2, movesInFlightMax: 2 };
const storeIds = ["store-1", "store-2", "store-3"];

function removeStore1(bench: MasterBench): void {
  bench.ask({ kind: "remove-store", storeId: "store-1", purge: false, dryRun: false });
}

/** Two stores, a third that joins, and the first that leaves: every kind of step, a few at a time. */
function play(bench: MasterBench): void {
  for (const storeId of storeIds) bench.start(storeId);
  bench.settle();
  removeStore1(bench);
  bench.settle();
}

/** The same up to a commit: there the master dies. */
function playUntil(commits: number, performed: boolean): MasterBench {
  const bench = new MasterBench(options);
  bench.diesAt = { commits, performed };
  assert.throws(() => play(bench), MasterDied);
  bench.restart();
  return bench;
}

/** The stores come back to the new master, as new processes or as the same, and the operator to what is left to ask. */
function goOn(bench: MasterBench, restarted: boolean): void {
  for (const storeId of storeIds) {
    const store = bench.store(storeId);
    if (store.isStopped) continue;
    bench.start(storeId, restarted || store.processId === "" ? undefined : store.processId);
    // What it is ordered now it does before the others are back.
    bench.settle();
  }
  bench.settle();
  if (bench.view.operations().length < 2) removeStore1(bench);
  bench.settle();
  for (let i = 0; i < 4; i += 1) {
    bench.tick(1000);
    for (const store of bench.stores.values()) bench.beat(store);
  }
  bench.submit({ kind: "launched-removed", storeId: bench.store("store-1").storeId, error: undefined });
}

function assertFinished(bench: MasterBench, where: string): void {
  assert.deepEqual(bench.counts(), { "store-2": 8, "store-3": 8 }, where);
  for (const { operation } of bench.view.operations()) {
    const { stage } = operation;
    assert.equal(
      stage.kind === "finished" && stage.outcome,
      "succeeded",
      `${where}: ${JSON.stringify(operation)}`,
    );
  }
  const moves = [...bench.committed.keys()].filter((key) => key.startsWith("move/"));
  assert.deepEqual(moves, [], where);
  assert.deepEqual(bench.machine.migratingStores(), [], where);
  for (const { partition, backups, learners, primary } of bench.view.topology.partitions) {
    assert.equal(backups.length + learners.length, 0, `${where}: partition ${partition}`);
    for (const store of bench.stores.values()) {
      const owns = store.storeId === primary?.storeId;
      assert.equal(store.owns(partition), owns, `${where}: ${store.storeId} and partition ${partition}`);
      if (!store.isStopped) assert.equal(store.live.has(partition), owns, `${where}: a copy is left`);
    }
  }
}

describe("a master that is killed", () => {
  const whole = new MasterBench(options);
  play(whole);
  const commits = whole.history.length;

  for (const performed of [false, true]) {
    for (const restarted of [false, true]) {
      const how = `${performed ? "its effects performed" : "nobody told"}, ${restarted ? "all stores restarted" : "the stores running"}`;
      it(`goes on from each commit: ${how}`, () => {
        assert.ok(commits > 30, `${commits} commits are too few to show anything`);
        for (let after = 1; after <= commits; after += 1) {
          const bench = playUntil(after, performed);
          goOn(bench, restarted);
          assertFinished(bench, `after commit ${after}`);
        }
      });
    }
  }

  it("has a higher term, and the same topology", () => {
    const before = whole.view.topology;
    whole.restart();
    const after = whole.view.topology;
    assert.equal(after.term, before.term + 1);
    // Through JSON: what is absent and what is undefined are the same.
    assert.equal(JSON.stringify({ ...after, term: 0 }), JSON.stringify({ ...before, term: 0 }));
  });
});

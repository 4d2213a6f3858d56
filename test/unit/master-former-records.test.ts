import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeEntry } from "../support/describe.js";
import { MasterBench } from "../support/master-bench.js";

/** The records of moves as a former version wrote them, at each step of the first of two. */
const before =
  `{"id":"move-1","operationId":"operation-1","partition":0,"sourceId":"store-1","targetId":"store-2",` +
  `"keys":10,"bytes":100,"attempts":0,"step":`;
const replicas = `"source":{"storeId":"store-1","incarnation":1},"target":{"storeId":"store-2","incarnation":1}`;
const former = [
  { step: "copying", orders: 0, text: `${before}{"kind":"copying","epoch":1,${replicas}}}` },
  { step: "replica-added", orders: 1, text: `${before}{"kind":"replica-added","epoch":2,${replicas}}}` },
  {
    step: "leadership-transferred",
    orders: 2,
    text: `${before}{"kind":"leadership-transferred","generation":1,"epoch":3,"committedVersion":5}}`,
  },
  {
    step: "leadership-transferred, without its epoch",
    orders: 2,
    text: `${before}{"kind":"leadership-transferred","generation":1,"committedVersion":5}}`,
  },
] as const;
const planned =
  `{"id":"move-2","operationId":"operation-1","partition":1,"sourceId":"store-1","targetId":"store-2",` +
  `"keys":0,"bytes":0,"attempts":0,"step":{"kind":"planned"}}`;

describe("a master on the records of a former version", () => {
  for (const { step, orders, text } of former) {
    it(`ends a move that was at ${step}`, () => {
      const bench = new MasterBench({ partitionCount: 4, movesInFlightMax: 1 });
      bench.start("store-1");
      bench.start("store-2");
      for (let order = 0; order < orders; order += 1) assert.ok(bench.work("store-1"));
      assert.ok(bench.committed.has("move/move-1") && bench.committed.has("move/move-2"));
      bench.committed.set("move/move-1", text);
      // The second move begins when the first has handed over.
      if (orders < 2) bench.committed.set("move/move-2", planned);
      bench.restart();
      for (const storeId of ["store-1", "store-2"]) bench.start(storeId, bench.store(storeId).processId);
      bench.settle();
      assert.equal(describeEntry(bench.entry(0)), "p0@3=store-2#1");
      assert.equal(describeEntry(bench.entry(1)), "p1@3=store-2#1");
      assert.equal(bench.operationLine("operation-1"), "add-store finished succeeded");
      assert.deepEqual([...bench.store("store-1").live.keys()], [2, 3]);
      assert.deepEqual(
        [...bench.committed.keys()].filter((key) => key.startsWith("move/")),
        [],
      );
    });
  }
});

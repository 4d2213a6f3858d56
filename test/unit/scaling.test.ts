import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import type { AdminRequest } from "../../services/core/master/events.js";
import {
  decideLeave,
  isUnwanted,
  numberOf,
  requireAddable,
  requireRemovable,
} from "../../services/core/master/scaling.js";
import type { StoreScale } from "../../services/core/ports/launcher.js";
import { LeaveState } from "../../services/gen/elastickv/v1/master.js";
import { answerLeave } from "../../services/master/leaving.js";
import { id, MasterBench } from "../support/master-bench.js";

const three: StoreScale = { prefix: "store", wanted: 3 };

describe("stores that can only be scaled", () => {
  it("are numbered from 0", () => {
    assert.equal(numberOf(three, "store-0"), 0);
    assert.equal(numberOf(three, "store-12"), 12);
    for (const other of ["store", "store-", "store-01", "store-1x", "stores-1", "my-store-1"]) {
      assert.equal(numberOf(three, other), undefined, other);
    }
    assert.equal(isUnwanted(three, "store-2"), false);
    assert.equal(isUnwanted(three, "store-3"), true);
    assert.equal(isUnwanted(three, "another"), false);
  });

  it("are added in order", () => {
    requireAddable(three, "store-3");
    requireAddable(three, "store-1");
    for (const other of ["store-4", "cache-3"]) {
      assert.throws(() => requireAddable(three, other), /the next is store-3/);
    }
  });

  it("are removed in the opposite order, with a word on which may go", () => {
    requireRemovable(three, id("store-2"));
    requireRemovable(three, id("store-7"));
    requireRemovable(three, id("run-by-hand"));
    assert.throws(
      () => requireRemovable(three, id("store-0")),
      /the highest first: store-2 can be removed now, store-0 once it is the highest/,
    );
  });

  it("leave when they are wanted no more, and come back otherwise", () => {
    const none = { operation: "none" } as const;
    assert.equal(decideLeave(three, id("store-2"), none), "stays");
    assert.equal(decideLeave(three, id("store-3"), none), "remove");
    assert.equal(decideLeave(three, id("store-3"), { operation: "adding" }), "cancel");
    assert.equal(decideLeave(three, id("store-3"), { operation: "removing" }), "wait");
    assert.equal(decideLeave(three, id("store-3"), { operation: "leaving" }), "left");
    assert.equal(decideLeave(three, id("store-3"), undefined), "left");
  });

  it("come back when nobody scales, and when the whole cluster is put to sleep", () => {
    assert.equal(decideLeave(undefined, id("store-3"), { operation: "none" }), "stays");
    assert.equal(decideLeave({ prefix: "store", wanted: 0 }, id("store-3"), { operation: "none" }), "stays");
  });
});

/** A scaled cluster whose stores are `store-0` and so on, and whose launcher does as it is asked. */
class ScaledBench extends MasterBench {
  wanted: number;

  constructor(stores: number) {
    super({ partitionCount: 16, initialStores: stores, launches: true, scaled: true });
    this.wanted = stores;
    this.submit({ kind: "launcher-listed", running: [] });
    for (let number = 0; number < stores; number += 1) this.start(`store-${number}`);
  }

  async leave(storeId: string): Promise<string> {
    const { state, message } = await answerLeave(storeId, {
      view: this.view,
      scale: () => Promise.resolve({ prefix: "store", wanted: this.wanted }),
      administer: (request: AdminRequest) => {
        const reply = this.ask(request);
        return reply.kind === "refused" ? Promise.reject(reply.error) : Promise.resolve(reply);
      },
    });
    const name = Object.entries(LeaveState).find(([, value]) => value === state)?.[0] ?? "";
    return message === "" ? name : `${name}: ${message}`;
  }

  /** The pod is gone, the launcher says so, and the store's data with it if nobody kept it. */
  gone(storeId: string): void {
    this.submit({ kind: "launched-removed", storeId: id(storeId), error: undefined });
  }
}

describe("a master whose stores are scaled", () => {
  it("launches none of the first stores: they come by themselves", () => {
    const bench = new ScaledBench(2);
    assert.deepEqual(
      bench.trace.filter((line) => line.startsWith("launch")),
      [],
    );
    assert.deepEqual(bench.counts(), { "store-0": 8, "store-1": 8 });
    // Nor does a later master start those that are down: what runs them does.
    bench.restart();
    bench.submit({ kind: "launcher-listed", running: [] });
    assert.ok(!bench.trace.some((line) => line.startsWith("launch")));
  });

  it("names a new one as the launcher will, and repeats a launch that a former master began", () => {
    const bench = new ScaledBench(2);
    bench.ask({
      kind: "add-store",
      storeId: undefined,
      naming: { prefix: "store", first: 2 },
      dryRun: false,
    });
    assert.equal(bench.trace.at(-1), "launch store-2");
    bench.ask({
      kind: "add-store",
      storeId: undefined,
      naming: { prefix: "store", first: 2 },
      dryRun: false,
    });
    assert.equal(bench.trace.at(-1), "launch store-3");
    bench.restart();
    bench.trace.length = 0;
    bench.submit({ kind: "launcher-listed", running: [id("store-0"), id("store-1")] });
    assert.deepEqual(bench.trace, ["launch store-2", "launch store-3"]);
  });

  it("has a removed store taken away rather than told to stop: it would be started again", () => {
    const bench = new ScaledBench(3);
    bench.ask({ kind: "remove-store", storeId: "store-2", purge: false, dryRun: false });
    bench.settle();
    assert.ok(!bench.trace.some((line) => line.includes("shutdown")));
    assert.equal(bench.trace.at(-1), "remove-launched store-2");
    bench.gone("store-2");
    assert.equal(bench.operationLine("operation-1"), "remove-store finished succeeded");
    assert.deepEqual(bench.counts(), { "store-0": 8, "store-1": 8 });
  });

  it("drains a store that was scaled away, and lets it go when it owns nothing", async () => {
    const bench = new ScaledBench(3);
    assert.equal(await bench.leave("store-2"), "STAYS", "a restart");
    assert.equal(bench.view.operations().length, 0);
    bench.wanted = 2;
    assert.equal(await bench.leave("store-1"), "STAYS");
    assert.equal(await bench.leave("store-2"), "LEAVING");
    assert.equal(bench.operationLine("operation-1"), "remove-store moving");
    assert.equal(await bench.leave("store-2"), "LEAVING", "it is being removed: nothing more is begun");
    assert.equal(bench.view.operations().length, 1);
    bench.settle();
    assert.equal(await bench.leave("store-2"), "LEFT");
    assert.deepEqual(bench.counts(), { "store-0": 8, "store-1": 8 });
    bench.gone("store-2");
    assert.equal(await bench.leave("store-2"), "LEFT");
  });

  it("gives an addition up when its store is scaled away meanwhile", async () => {
    const bench = new ScaledBench(1);
    bench.wanted = 2;
    bench.start("store-1");
    assert.equal(bench.operationLine("operation-1"), "add-store moving");
    bench.wanted = 1;
    assert.equal(await bench.leave("store-1"), "LEAVING");
    bench.settle();
    for (let asked = 0; asked < 3 && (await bench.leave("store-1")) !== "LEFT"; asked += 1) bench.settle();
    assert.equal(await bench.leave("store-1"), "LEFT");
    assert.deepEqual(bench.counts(), { "store-0": 16 });
  });

  it("keeps a store that comes back after all: it was scaled up again", async () => {
    const bench = new ScaledBench(3);
    bench.wanted = 2;
    assert.equal(await bench.leave("store-2"), "LEAVING");
    bench.wanted = 3;
    assert.equal(await bench.leave("store-2"), "STAYS");
    bench.kill("store-2");
    bench.start("store-2");
    bench.settle();
    assert.equal(bench.operationLine("operation-1"), "remove-store finished cancelled");
    assert.ok((bench.counts()["store-2"] ?? 0) > 0);
    // A removal that an operator asked for outlives a restart of its store.
    bench.ask({ kind: "remove-store", storeId: "store-2", purge: false, dryRun: false });
    bench.kill("store-2");
    bench.start("store-2");
    bench.settle();
    assert.equal(bench.trace.at(-1), "remove-launched store-2");
  });

  it("lets the last store that lives come back: nobody can take what it has", async () => {
    const bench = new ScaledBench(2);
    bench.wanted = 1;
    const store = bench.store("store-0");
    store.streamId = undefined;
    bench.ask({ kind: "remove-store", storeId: "store-0", purge: false, dryRun: false });
    assert.match(await bench.leave("store-1"), /^STAYS: .*last active/);
  });

  it("does not know whether to leave when the launcher does not", async () => {
    const bench = new ScaledBench(1);
    const asked = answerLeave("store-0", {
      view: bench.view,
      scale: () => Promise.reject(new EkvError("UNAVAILABLE", "the Kubernetes API does not answer")),
      administer: () => Promise.reject(new Error("nothing is to be begun")),
    });
    await assert.rejects(asked, { code: "UNAVAILABLE" });
  });
});

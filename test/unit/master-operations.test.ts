import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import { brandAs, type OperationId } from "../../services/core/ids.js";
import { limits } from "../../services/core/limits.js";
import type { AdminRequest } from "../../services/core/master/events.js";
import { masterLimits } from "../../services/core/master/options.js";
import { id, MasterBench } from "../support/master-bench.js";

function clusterOf(stores: number, options: ConstructorParameters<typeof MasterBench>[0] = {}): MasterBench {
  const bench = new MasterBench({ partitionCount: 16, initialStores: stores, ...options });
  for (let i = 1; i <= stores; i += 1) bench.start(`store-${i}`);
  return bench;
}

/** Second by second; every store that runs is heard. */
function passSeconds(bench: MasterBench, seconds: number): void {
  for (let second = 0; second < seconds; second += 1) {
    for (const store of bench.stores.values()) bench.beat(store);
    bench.tick(1000);
    bench.settle();
  }
}

function refusal(bench: MasterBench, request: AdminRequest): string {
  const reply = bench.ask(request);
  return reply.kind === "refused" ? `${reply.error.code}: ${reply.error.message}` : reply.kind;
}

function remove(storeId: string, options: { dryRun?: boolean; purge?: boolean } = {}): AdminRequest {
  return { kind: "remove-store", storeId, purge: options.purge ?? false, dryRun: options.dryRun ?? false };
}

function add(storeId?: string, dryRun = false): AdminRequest {
  return { kind: "add-store", storeId, dryRun };
}

function steer(kind: "cancel" | "pause" | "resume", operationId: string): AdminRequest {
  return { kind, operationId: brandAs<OperationId>(operationId) };
}

function messageOf(bench: MasterBench, operationId: string): string | undefined {
  return bench.view.operation(brandAs(operationId))?.operation.message;
}

describe("the first stores", () => {
  it("get the whole ring at once when enough have registered", () => {
    const bench = new MasterBench({ partitionCount: 4, initialStores: 2 });
    bench.start("store-1");
    assert.equal(bench.owners(), "nobody@0 nobody@0 nobody@0 nobody@0");
    bench.start("store-2");
    assert.deepEqual(bench.counts(), { "store-1": 2, "store-2": 2 });
    assert.ok(bench.view.topology.partitions.every(({ epoch }) => epoch === 1));
    assert.deepEqual(
      bench.view.topology.stores.map(({ state }) => state),
      ["active", "active"],
    );
    assert.equal(bench.view.operations().length, 0);
  });

  it("are launched, and after a restart those that do not run", () => {
    const bench = new MasterBench({ initialStores: 2, launches: true });
    bench.submit({ kind: "launcher-listed", running: [] });
    assert.deepEqual(bench.trace, ["launch store-1", "launch store-2"]);
    bench.start("store-1");
    bench.start("store-2");
    bench.restart();
    bench.trace.length = 0;
    bench.submit({ kind: "launcher-listed", running: [id("store-1")] });
    assert.deepEqual(bench.trace, ["launch store-2"]);
  });
});

describe("rebalancing contiguous ranges", () => {
  it("evens them out by shifting borders, as the dry run says", () => {
    const bench = clusterOf(2, { placement: "contiguous" });
    bench.start("store-3");
    bench.settle();
    assert.deepEqual(Object.values(bench.counts()).sort(), [4, 4, 8], "the largest range was split");
    const dry = bench.ask({ kind: "rebalance", dryRun: true });
    assert.ok(dry.kind === "plan");
    assert.equal(dry.plan.moves.length, 2);
    bench.ask({ kind: "rebalance", dryRun: false });
    bench.settle();
    assert.equal(bench.operationLine("operation-2"), "rebalance finished succeeded");
    assert.equal(bench.view.operation(brandAs("operation-2"))?.operation.movesDone, 2);
    assert.deepEqual(Object.values(bench.counts()).sort(), [5, 5, 6]);
    const owners = bench
      .owners()
      .split(" ")
      .map((owner) => owner.replace(/@.*/, ""));
    const borders = owners.filter((owner, at) => owner !== owners[(at + 1) % owners.length]).length;
    assert.equal(borders, 3, `one range each: ${owners.join(" ")}`);
    bench.ask({ kind: "rebalance", dryRun: false });
    bench.settle();
    assert.equal(bench.view.operation(brandAs("operation-3"))?.operation.movesTotal, 0);
  });
});

describe("adding a store", () => {
  it("happens by itself when a store registers unasked", () => {
    const bench = clusterOf(2);
    bench.start("store-3");
    bench.settle();
    assert.equal(bench.operationLine("operation-1"), "add-store finished succeeded");
    assert.deepEqual(Object.values(bench.counts()).sort(), [5, 5, 6]);
  });

  it("begins when the store has opened its heartbeat stream: before that it takes no copies", () => {
    const bench = clusterOf(1);
    const store = bench.store("store-2");
    store.processId = "process-of-store-2";
    const reply = bench.register(store);
    assert.ok(reply.kind === "registered");
    assert.equal(bench.operationLine("operation-1"), "add-store pending");
    assert.equal(messageOf(bench, "operation-1"), "waits for store-2 to open its heartbeat stream");
    store.incarnation = reply.incarnation;
    bench.openStream(store);
    bench.settle();
    assert.equal(bench.operationLine("operation-1"), "add-store finished succeeded");
  });

  it("waits to be asked without auto-join", () => {
    const bench = clusterOf(1, { autoJoin: false });
    bench.start("store-7");
    assert.equal(bench.view.operations().length, 0);
    assert.equal(bench.view.topology.stores[1]?.state, "joining");
    bench.ask(add());
    bench.settle();
    assert.deepEqual(bench.counts(), { "store-1": 8, "store-7": 8 });
  });

  it("launches one under the next free name and waits for it to register", () => {
    const bench = clusterOf(1, { launches: true });
    bench.trace.length = 0;
    assert.deepEqual(bench.ask(add()), { kind: "operation", operationId: "operation-1" });
    assert.deepEqual(bench.trace, ["launch store-2"]);
    assert.equal(messageOf(bench, "operation-1"), "waits for store-2 to register");
    bench.submit({ kind: "launched", storeId: id("store-2"), error: undefined });
    bench.start("store-2");
    bench.settle();
    assert.equal(bench.operationLine("operation-1"), "add-store finished succeeded");
  });

  it("fails and leaves nothing when the launch fails", () => {
    const bench = clusterOf(1, { launches: true });
    bench.ask(add());
    const error = new EkvError("FAILED_PRECONDITION", "port 7402 is taken");
    bench.submit({ kind: "launched", storeId: id("store-2"), error });
    assert.equal(bench.operationLine("operation-1"), "add-store finished failed");
    assert.match(messageOf(bench, "operation-1") ?? "", /port 7402 is taken/);
    assert.equal(bench.committed.has("store/store-2"), false);
  });

  it("is refused for a store that is there, a bad name, and before the ring is assigned", () => {
    assert.match(refusal(new MasterBench(), add()), /^FAILED_PRECONDITION: the cluster begins with 1 store /);
    const bench = clusterOf(1);
    assert.match(refusal(bench, add("store-1")), /^ALREADY_EXISTS/);
    assert.match(refusal(bench, add("Store_2")), /^INVALID_ARGUMENT: store_id/);
    bench.ask(add("store-2"));
    assert.match(refusal(bench, add("store-2")), /^ALREADY_EXISTS: operation-1/);
  });

  it("says with dry-run what would move, and changes nothing", () => {
    const bench = clusterOf(1);
    bench.beatWithLoad(bench.store("store-1"));
    const commits = bench.history.length;
    const reply = bench.ask(add(undefined, true));
    assert.equal(reply.kind === "plan" && reply.plan.moves.length, 8);
    assert.deepEqual(reply.kind === "plan" && reply.plan.moves[0], {
      partition: 0,
      sourceId: "store-1",
      targetId: "store-2",
      keys: 10,
      bytes: 100,
    });
    assert.equal(bench.history.length, commits);
  });
});

describe("removing a store", () => {
  it("moves everything off, tells it to stop, and forgets it", () => {
    const bench = clusterOf(3);
    bench.ask(remove("store-2"));
    assert.equal(bench.view.topology.stores[1]?.state, "draining");
    bench.settle();
    assert.equal(bench.operationLine("operation-1"), "remove-store finished succeeded");
    assert.deepEqual(bench.counts(), { "store-1": 8, "store-3": 8 });
    assert.deepEqual(
      bench.view.topology.stores.map(({ storeId }) => storeId),
      ["store-1", "store-3"],
    );
    assert.equal(bench.committed.has("store/store-2"), false);
    const ended = bench.effects.findLast(({ kind }) => kind === "remove-launched");
    assert.deepEqual(ended, { kind: "remove-launched", storeId: "store-2", purge: false });
  });

  it("is refused for the last one, an unknown one, one that is leaving, and a dead one with data", () => {
    const bench = clusterOf(2);
    assert.match(refusal(bench, remove("store-9")), /^NOT_FOUND/);
    bench.ask(remove("store-1"));
    assert.match(refusal(bench, remove("store-1")), /^ALREADY_EXISTS: operation-1/);
    assert.match(refusal(bench, remove("store-2")), /^FAILED_PRECONDITION: store store-2 is the last/);
    bench.settle();
    const other = clusterOf(2);
    other.kill("store-2");
    assert.match(refusal(other, remove("store-2")), /^FAILED_PRECONDITION: store store-2 is down and owns 8/);
  });

  it("keeps waiting for a store of somebody else's that does not stop, and finishes when it has", () => {
    const bench = clusterOf(2);
    bench.ask(remove("store-2"));
    const store = bench.store("store-2");
    while (bench.work("store-1") || (store.inbox[0]?.kind !== "shutdown" && bench.work("store-2"))) {
      bench.beat(bench.store("store-1"));
    }
    assert.equal(store.inbox[0]?.kind, "shutdown");
    assert.equal(messageOf(bench, "operation-1"), "waits for store-2 to stop");
    for (let i = 0; i < 20; i += 1) {
      bench.tick(2000);
      for (const one of bench.stores.values()) bench.beat(one);
    }
    assert.equal(bench.operationLine("operation-1"), "remove-store leaving succeeded");
    bench.settle();
    assert.equal(bench.operationLine("operation-1"), "remove-store finished succeeded");
  });
});

describe("operations", () => {
  it("are refused beyond as many as may wait, and taken again when one ends", () => {
    const bench = clusterOf(1, { launches: true });
    for (let i = 1; i <= limits.operationsActiveMax; i += 1) {
      assert.equal(refusal(bench, add(`new-${i}`)), "operation");
    }
    assert.match(refusal(bench, add("one-more")), /^RESOURCE_EXHAUSTED: 64 operations are under way or wait/);
    assert.equal(bench.view.operations().length, limits.operationsActiveMax);
    const error = new EkvError("INTERNAL", "there is no program");
    bench.submit({ kind: "launched", storeId: id("new-64"), error });
    assert.equal(refusal(bench, add("one-more")), "operation");
  });

  it("that share a store run one after the other", () => {
    const bench = clusterOf(3);
    bench.ask(remove("store-3"));
    bench.ask({ kind: "rebalance", dryRun: false });
    assert.equal(bench.operationLine("operation-2"), "rebalance pending");
    assert.match(
      messageOf(bench, "operation-2") ?? "",
      /waits for an earlier operation that involves store-/,
    );
    bench.settle();
    assert.equal(bench.operationLine("operation-2"), "rebalance finished succeeded");
    assert.deepEqual(bench.machine.migratingStores(), []);
  });

  it("that share none run together", () => {
    const bench = clusterOf(4, { placement: "contiguous" });
    bench.ask(remove("store-1"));
    bench.ask(remove("store-3"));
    const stages = ["operation-1", "operation-2"].map((one) => bench.operationLine(one));
    assert.deepEqual(stages, ["remove-store moving", "remove-store moving"]);
    assert.equal(new Set(bench.machine.migratingStores()).size, 4);
    bench.settle();
    assert.deepEqual(Object.keys(bench.counts()).length, 2);
  });

  it("start no move while paused, and go on when resumed", () => {
    const bench = new MasterBench({ partitionCount: 16, movesInFlightMax: 2 });
    bench.start("store-1");
    bench.start("store-2");
    bench.ask(steer("pause", "operation-1"));
    bench.settle();
    assert.equal(bench.operationLine("operation-1"), "add-store paused");
    assert.deepEqual(bench.counts(), { "store-1": 14, "store-2": 2 });
    bench.restart();
    bench.start("store-1", bench.store("store-1").processId);
    bench.start("store-2", bench.store("store-2").processId);
    bench.settle();
    assert.deepEqual(bench.counts(), { "store-1": 14, "store-2": 2 }, "a restart does not resume it");
    bench.ask(steer("resume", "operation-1"));
    bench.settle();
    assert.deepEqual(bench.counts(), { "store-1": 8, "store-2": 8 });
  });

  it("roll back what can be when cancelled, and keep what is committed", () => {
    const bench = new MasterBench({ partitionCount: 16, movesInFlightMax: 2 });
    bench.start("store-1");
    bench.start("store-2");
    bench.work("store-1");
    bench.work("store-1");
    bench.work("store-1");
    const moved = bench.counts()["store-2"] ?? 0;
    assert.equal(moved, 1);
    bench.ask(steer("cancel", "operation-1"));
    assert.ok(
      bench.view.topology.partitions.every(({ learners, backups }) => learners.length + backups.length === 0),
    );
    assert.equal(bench.operationLine("operation-1"), "add-store ending cancelled");
    bench.settle();
    assert.equal(bench.operationLine("operation-1"), "add-store finished cancelled");
    assert.deepEqual(bench.counts(), { "store-1": 15, "store-2": 1 });
    assert.equal(bench.view.topology.stores[1]?.state, "active");
    assert.equal([...bench.committed.keys()].filter((key) => key.startsWith("move/")).length, 0);
  });

  it("take a launched store away again when nothing had moved to it", () => {
    const bench = clusterOf(1, { launches: true });
    bench.ask(add());
    bench.trace.length = 0;
    bench.ask(steer("cancel", "operation-1"));
    assert.deepEqual(bench.trace, ["remove-launched store-2"]);
    bench.submit({ kind: "launched-removed", storeId: id("store-2"), error: undefined });
    assert.equal(bench.operationLine("operation-1"), "add-store finished cancelled");
    assert.equal(bench.committed.has("store/store-2"), false);
  });

  it("do not let a store in again by what it sent before it was taken away", () => {
    const bench = clusterOf(1, { launches: true, movesInFlightMax: 1 });
    bench.ask(add());
    bench.start("store-2", "its process");
    bench.settle();
    bench.ask(remove("store-2"));
    bench.settle();
    assert.equal(bench.committed.has("store/store-2"), false);
    const late = bench.start("store-2", "its process");
    assert.equal(late.kind, "refused");
    assert.equal(bench.start("store-2", "another").kind, "registered");
  });

  it("do not wait for ever for a store that came unasked and was gone before it owned anything", () => {
    const bench = clusterOf(1, { movesInFlightMax: 1 });
    bench.start("store-2");
    bench.kill("store-2");
    bench.ask({ kind: "rebalance", dryRun: false });
    passSeconds(bench, masterLimits.newcomerPatienceMs / 1000);
    assert.equal(bench.operationLine("operation-1"), "add-store moving");
    passSeconds(bench, 1);
    assert.equal(bench.operationLine("operation-1"), "add-store leaving cancelled");
    bench.submit({ kind: "launched-removed", storeId: id("store-2"), error: undefined });
    assert.equal(bench.operationLine("operation-1"), "add-store finished cancelled");
    assert.equal(bench.operationLine("operation-2"), "rebalance finished succeeded");
    assert.equal(bench.committed.has("store/store-2"), false);
    assert.equal(bench.start("store-2").kind, "registered");
  });

  it("do not wait for ever for a member that owns nothing and is gone", () => {
    const bench = clusterOf(2, { partitionCount: 2, movesInFlightMax: 1 });
    bench.start("store-3");
    bench.settle();
    assert.equal(bench.operationLine("operation-1"), "add-store finished succeeded");
    assert.equal(bench.counts()["store-3"], undefined, "there are fewer partitions than stores");
    bench.kill("store-3");
    bench.ask(remove("store-2"));
    passSeconds(bench, masterLimits.newcomerPatienceMs / 1000);
    assert.equal(bench.operationLine("operation-2"), "remove-store moving", "store-3 may yet come back");
    passSeconds(bench, 1);
    assert.equal(bench.operationLine("operation-2"), "remove-store finished cancelled");
    assert.equal(bench.operationLine("operation-3"), "remove-store leaving succeeded");
    bench.submit({ kind: "launched-removed", storeId: id("store-3"), error: undefined });
    assert.equal(bench.committed.has("store/store-3"), false);
    assert.equal(bench.start("store-3").kind, "registered");
  });

  it("give a leaving store its share back when cancelled", () => {
    const bench = clusterOf(2, { movesInFlightMax: 1 });
    bench.ask(remove("store-2"));
    bench.ask(steer("cancel", "operation-1"));
    assert.equal(bench.operationLine("operation-1"), "remove-store finished cancelled");
    assert.equal(bench.view.topology.stores[1]?.state, "active");
  });

  it("refuse to be steered when it makes no sense", () => {
    const bench = clusterOf(1);
    assert.match(refusal(bench, steer("cancel", "operation-9")), /^NOT_FOUND/);
    bench.ask(add("store-2"));
    assert.match(refusal(bench, steer("pause", "operation-1")), /^FAILED_PRECONDITION/);
    bench.ask(steer("cancel", "operation-1"));
    assert.match(
      refusal(bench, steer("cancel", "operation-1")),
      /^FAILED_PRECONDITION: operation-1 has ended/,
    );
  });

  it("are forgotten after two hundred others", () => {
    const bench = clusterOf(1);
    for (let i = 0; i < 205; i += 1) bench.ask({ kind: "rebalance", dryRun: false });
    assert.equal(bench.view.operations().length, 200);
    assert.equal(bench.operationLine("operation-5"), "unknown");
    assert.equal(bench.operationLine("operation-6"), "rebalance finished succeeded");
    assert.equal([...bench.committed.keys()].filter((key) => key.startsWith("operation/")).length, 200);
  });
});

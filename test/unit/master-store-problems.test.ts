import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MasterReply } from "../../services/core/master/effects.js";
import type { Registration } from "../../services/core/master/events.js";
import { masterLimits } from "../../services/core/master/options.js";
import { clusterId, id, MasterBench } from "../support/master-bench.js";

let lastProcess = 0;

/** Registers a new process of store-1, which holds everything that it should unless told otherwise. */
function register(bench: MasterBench, change: Partial<Registration>): MasterReply {
  lastProcess += 1;
  const known = bench.effects.length;
  bench.submit({
    kind: "register",
    requestId: -1,
    registration: {
      storeId: "store-1",
      clusterId,
      partitionCount: bench.partitionCount,
      address: "store-1:1",
      weight: 1,
      processId: `process ${lastProcess}`,
      dataLossAccepted: false,
      held: bench.store("store-1").held(),
      storedVersion: bench.view.topology.version,
      completeMoves: [],
      engine: "log",
      durability: "commit",
      ...change,
    },
  });
  const replies = bench.effects
    .slice(known)
    .flatMap((effect) => (effect.kind === "reply" ? effect.reply : []));
  assert.ok(replies[0]);
  return replies[0];
}

function refusal(reply: MasterReply): string {
  return reply.kind === "refused" ? `${reply.error.code}: ${reply.error.message}` : reply.kind;
}

function problemsOf(bench: MasterBench, storeId: string): string {
  return bench.machine.notesOf(id(storeId)).problems.join("; ");
}

/** One store that owns the ring, has stopped, and was registered as given. */
function stopped(change: Partial<Registration> = {}): MasterBench {
  const bench = new MasterBench({ partitionCount: 2 });
  bench.start("store-1");
  bench.kill("store-1");
  register(bench, change);
  bench.nowMs += bench.options.suspectAfterMs + 1;
  bench.submit({ kind: "tick" });
  bench.submit({ kind: "tick" });
  return bench;
}

describe("the settings that belong to a store's data", () => {
  it("are kept: another engine and a weaker durability are refused, with what to do", () => {
    const bench = stopped({ durability: "fsync" });
    assert.equal(
      refusal(register(bench, { engine: "memory", clusterId: undefined, held: [], dataLossAccepted: true })),
      "FAILED_PRECONDITION: store store-1 keeps its data with --engine log and was started with --engine memory: " +
        "start it with --engine log",
    );
    assert.match(refusal(register(bench, {})), /were acknowledged with --durability fsync/);
    assert.equal(refusal(register(bench, { durability: "fsync" })), "registered");
  });

  it("are those of a former version, and so is the engine that took over from its own", () => {
    const bench = stopped({ engine: "lmdb" });
    assert.equal(refusal(register(bench, { engine: "log" })), "registered");
    const other = { storeId: "store-2", clusterId: undefined, held: [] };
    assert.equal(refusal(register(stopped({ engine: "lmdb" }), { ...other, engine: "log" })), "registered");
  });

  it("are those of the cluster for a new store", () => {
    const bench = stopped({ durability: "fsync" });
    const stranger = { storeId: "store-2", clusterId: undefined, held: [] };
    assert.match(
      refusal(register(bench, { ...stranger, engine: "memory" })),
      /this cluster keeps its data with --engine log/,
    );
    assert.match(
      refusal(register(bench, stranger)),
      /writes to this cluster were acknowledged with --durability fsync/,
    );
    assert.equal(refusal(register(bench, { ...stranger, durability: "fsync" })), "registered");
  });

  it("may become stronger, and are taken as they are from a store that did not say them before", () => {
    const bench = stopped({ engine: undefined, durability: undefined });
    assert.equal(refusal(register(bench, { durability: "fsync" })), "registered");
    bench.nowMs += bench.options.suspectAfterMs + 1;
    assert.match(refusal(register(bench, {})), /start it with --durability fsync/);
  });
});

describe("what is wrong with a store", () => {
  it("is why it is down, and why its registration was refused, until it is back", () => {
    const bench = stopped();
    assert.match(problemsOf(bench, "store-1"), /^silent for \d+ ms$/);
    register(bench, { held: [] });
    assert.match(
      problemsOf(bench, "store-1"),
      /^refused: store store-1 comes back without 2 of its 2 partitions/,
    );
    assert.deepEqual(bench.machine.troubledStores(), ["store-1"]);
    assert.equal(refusal(register(bench, {})), "registered");
    assert.equal(problemsOf(bench, "store-1"), "");
    assert.deepEqual(bench.machine.troubledStores(), []);
  });

  it("is kept for names that are no members", () => {
    const bench = stopped();
    register(bench, { storeId: "store-7", partitionCount: 4, held: [] });
    assert.match(problemsOf(bench, "store-7"), /^refused: .*counts 4 partitions/);
  });

  it("is another process under the name of a live store for a minute", () => {
    const bench = new MasterBench({ partitionCount: 2 });
    bench.start("store-1");
    register(bench, {});
    assert.match(problemsOf(bench, "store-1"), /^refused: store store-1 runs already/);
    bench.nowMs += masterLimits.refusalShownMs + 1;
    bench.submit({ kind: "tick" });
    assert.equal(problemsOf(bench, "store-1"), "");
  });

  it("stays the same while it sends no heartbeats and that it is down cannot be recorded", () => {
    const bench = new MasterBench({ partitionCount: 2 });
    bench.start("store-1");
    const look = (): string => {
      bench.nowMs += bench.options.suspectAfterMs + 1;
      bench.machine.observe({ kind: "tick" }, bench.nowMs, bench.nowMs);
      return problemsOf(bench, "store-1");
    };
    assert.equal(look(), "it sends no heartbeats");
    assert.equal(look(), "it sends no heartbeats");
  });

  it("is what it reports itself, as long as it does", () => {
    const bench = new MasterBench({ partitionCount: 2 });
    bench.start("store-1");
    const { streamId } = bench.store("store-1");
    const beat = (problems: readonly string[]): void =>
      bench.submit({
        kind: "heartbeat",
        streamId: streamId ?? 0,
        storeId: id("store-1"),
        appliedVersion: bench.view.topology.version,
        load: {
          keys: 0,
          bytes: 0,
          readsPerSecond: 0,
          writesPerSecond: 0,
          eventLoopDelayP99Ms: 0,
          residentBytes: 0,
          expiryLagMs: 0,
          partitions: [],
        },
        reports: [],
        strays: [],
        leaving: false,
        problems,
      });
    beat(["its disk is full"]);
    assert.equal(problemsOf(bench, "store-1"), "its disk is full");
    beat([]);
    assert.equal(problemsOf(bench, "store-1"), "");
  });

  it("is found again after the master was restarted", () => {
    const bench = stopped();
    bench.restart();
    assert.equal(problemsOf(bench, "store-1"), "down since before this master started");
    assert.deepEqual(bench.machine.troubledStores(), ["store-1"]);
  });
});

describe("a store that keeps its data in memory", () => {
  it("comes back empty, which is noted for good", () => {
    const bench = stopped({ engine: "memory" });
    assert.equal(bench.machine.notesOf(id("store-1")).dataLoss, undefined);
    const empty = { engine: "memory", clusterId: undefined, held: [], dataLossAccepted: true };
    assert.equal(refusal(register(bench, empty)), "registered");
    const { dataLoss } = bench.machine.notesOf(id("store-1"));
    assert.equal(dataLoss?.atMs, 1_000_000 + bench.nowMs);
    bench.restart();
    assert.deepEqual(bench.machine.notesOf(id("store-1")).dataLoss, dataLoss);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  brandAs,
  type Epoch,
  type MoveId,
  type PartitionId,
  type TopologyVersion,
} from "../../services/core/ids.js";
import type { MasterReply } from "../../services/core/master/effects.js";
import type { Registration } from "../../services/core/master/events.js";
import type { StoreRecord } from "../../services/core/master/state/records.js";
import { describeEntry } from "../support/describe.js";
import { clusterId, MasterBench } from "../support/master-bench.js";

/** A new process of a store registers with what it says to hold. */
function comeBack(bench: MasterBench, storeId: string, changes: Partial<Registration> = {}): MasterReply {
  bench.kill(storeId);
  const store = bench.store(storeId);
  const known = bench.effects.length;
  bench.submit({
    kind: "register",
    requestId: -1,
    registration: {
      storeId,
      clusterId,
      partitionCount: bench.partitionCount,
      address: `${storeId}:1`,
      weight: 1,
      processId: `process ${known}`,
      dataLossAccepted: false,
      held: store.held(),
      storedVersion: store.stored,
      completeMoves: [],
      ...changes,
    },
  });
  const reply = bench.effects.slice(known).find((effect) => effect.kind === "reply");
  assert.ok(reply?.kind === "reply");
  return reply.reply;
}

function refusal(reply: MasterReply): string {
  return reply.kind === "refused" ? `${reply.error.code}: ${reply.error.message}` : reply.kind;
}

function record(bench: MasterBench, storeId: string): StoreRecord {
  return JSON.parse(bench.committed.get(`store/${storeId}`) ?? "") as StoreRecord;
}

/** Two partitions at store-1; store-2 has been given one of them and has not heard of it. */
function withHandOver(): MasterBench {
  const bench = new MasterBench({ partitionCount: 2, movesInFlightMax: 1 });
  bench.start("store-1");
  bench.start("store-2");
  bench.work("store-1");
  const store2 = bench.store("store-2");
  const { streamId } = store2;
  store2.streamId = undefined;
  bench.work("store-1");
  store2.streamId = streamId;
  assert.equal(describeEntry(bench.entry(0)), "p0@3=store-2#1");
  return bench;
}

describe("a store that comes back", () => {
  it("is refused without some of its partitions, unless the loss is accepted", () => {
    const bench = new MasterBench({ partitionCount: 4 });
    bench.start("store-1");
    const held = bench.store("store-1").held().slice(1);
    const message = refusal(comeBack(bench, "store-1", { held }));
    assert.match(message, /^FAILED_PRECONDITION: .*without 1 of its 4 partitions.*--accept-data-loss/);
    assert.equal(describeEntry(bench.entry(0)), "p0@1=store-1#1", "a refusal changes nothing");
    assert.equal(refusal(comeBack(bench, "store-1", { held, dataLossAccepted: true })), "registered");
    assert.equal(describeEntry(bench.entry(0)), "p0@2=store-1#2");
  });

  it("is refused with a folder that is older than its last start, also by a master that was restarted", () => {
    const bench = new MasterBench({ partitionCount: 2 });
    bench.start("store-1");
    const old = { held: bench.store("store-1").held(), storedVersion: bench.store("store-1").stored };
    bench.kill("store-1");
    bench.start("store-1");
    assert.match(
      refusal(comeBack(bench, "store-1", old)),
      /older state of its data, of topology version \d+, though/,
    );
    bench.restart();
    assert.match(refusal(comeBack(bench, "store-1", old)), /older state of its data/);
    assert.equal(refusal(comeBack(bench, "store-1", { ...old, dataLossAccepted: true })), "registered");
    assert.equal(
      refusal(comeBack(bench, "store-1", { storedVersion: bench.store("store-1").stored })),
      "registered",
    );
  });

  it("is refused with a folder that is older than the last partition it took over", () => {
    const bench = new MasterBench({ partitionCount: 4 });
    bench.start("store-1");
    bench.start("store-2");
    bench.work("store-1");
    const store2 = bench.store("store-2");
    while (store2.live.size < 1) bench.work("store-1");
    const storedVersion = store2.stored;
    bench.settle();
    assert.ok(store2.live.size > 1 && store2.stored > storedVersion);
    // Whatever the folder's partitions are called: those of an earlier ownership look like the present ones.
    assert.match(refusal(comeBack(bench, "store-2", { storedVersion })), /older state of its data/);
  });

  it("is taken when it ended before it took up its first share", () => {
    const bench = new MasterBench({ partitionCount: 2 });
    const store = bench.store("store-1");
    store.processId = "its first";
    bench.register(store);
    assert.equal(describeEntry(bench.entry(0)), "p0@1=store-1#1");
    const storedVersion = brandAs<TopologyVersion>(0);
    assert.equal(refusal(comeBack(bench, "store-1", { held: [], storedVersion })), "registered");
    assert.equal(refusal(comeBack(bench, "store-1", { held: [], storedVersion })), "registered");
    assert.equal(record(bench, "store-1").confirmedVersion, undefined);
  });

  it("is taken when it owns nothing that could be missing", () => {
    const bench = new MasterBench({ partitionCount: 2 });
    bench.start("store-1");
    bench.start("store-2");
    bench.settle();
    bench.ask({ kind: "remove-store", storeId: "store-2", purge: false, dryRun: false });
    while (bench.counts()["store-2"] !== undefined) assert.ok(bench.work("store-1") || bench.work("store-2"));
    bench.beat(bench.store("store-1"));
    const nothing = { held: [], storedVersion: brandAs<TopologyVersion>(0) };
    assert.equal(refusal(comeBack(bench, "store-2", nothing)), "registered");
  });
});

describe("the target of a hand-over that comes back before it applied it", () => {
  const gone = { held: [] as const, storedVersion: brandAs<TopologyVersion>(0) };

  it("gives the partition back without a complete copy, though the source is down", () => {
    const bench = withHandOver();
    bench.kill("store-1");
    assert.equal(refusal(comeBack(bench, "store-2", gone)), "registered");
    assert.equal(describeEntry(bench.entry(0)), "p0@4=store-1#1");
    bench.start("store-1");
    bench.start("store-2");
    bench.settle();
    assert.deepEqual(bench.counts(), { "store-1": 1, "store-2": 1 });
  });

  it("is not the only one that has to have it: until it confirms, so has the source", () => {
    const bench = withHandOver();
    const { stored, live } = bench.store("store-1");
    assert.ok(live.has(brandAs<PartitionId>(0)));
    const held = bench
      .store("store-1")
      .held()
      .filter(({ entry }) => entry.partition !== 0);
    const message = refusal(comeBack(bench, "store-1", { held, storedVersion: stored }));
    assert.match(message, /without 1 of its 2 partitions/);
  });

  it("keeps the partition with a complete copy while the source is down", () => {
    const bench = withHandOver();
    bench.kill("store-1");
    const completeMoves = [brandAs<MoveId>("move-1")];
    assert.equal(refusal(comeBack(bench, "store-2", { ...gone, completeMoves })), "registered");
    assert.equal(describeEntry(bench.entry(0)), "p0@4=store-2#2");
  });

  it("does not take a copy of an earlier ownership for what it was given", () => {
    const bench = withHandOver();
    const entry = { ...bench.entry(0), epoch: brandAs<Epoch>(1) };
    assert.equal(refusal(comeBack(bench, "store-2", { held: [{ entry, keys: 1, bytes: 1 }] })), "registered");
    assert.equal(describeEntry(bench.entry(0)).split(" ")[0], "p0@4=store-1#1");
  });

  it("has confirmed it on the master's disk before the source is told to delete", () => {
    const bench = withHandOver();
    bench.openStream(bench.store("store-2"));
    const step = bench.history.findIndex((committed) => {
      const store = JSON.parse(committed.get("store/store-2") ?? "{}") as Partial<StoreRecord>;
      return store.confirmedVersion !== undefined;
    });
    assert.ok(step >= 0);
    assert.match(bench.trace.at(-1) ?? "", /^send store-1 delete-replica/);
    assert.ok(bench.store("store-1").live.has(brandAs<PartitionId>(0)), "not carried out yet");
    // From now on the target has to have it.
    assert.match(refusal(comeBack(bench, "store-2", gone)), /without 1 of its 1 partition/);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { brandAs, type ClusterId, type Epoch, type Incarnation } from "../../services/core/ids.js";
import type { MasterReply } from "../../services/core/master/effects.js";
import type { Registration } from "../../services/core/master/events.js";
import { limits } from "../../services/core/limits.js";
import { describeEntry } from "../support/describe.js";
import { clusterId, id, MasterBench } from "../support/master-bench.js";

function register(bench: MasterBench, registration: Partial<Registration>): MasterReply {
  let reply: MasterReply | undefined;
  const known = bench.effects.length;
  bench.submit({
    kind: "register",
    requestId: -1,
    registration: {
      storeId: "store-9",
      clusterId,
      partitionCount: bench.partitionCount,
      address: "store-9:1",
      weight: 1,
      processId: "process",
      dataLossAccepted: false,
      held: [],
      storedVersion: bench.view.topology.version,
      completeMoves: [],
      ...registration,
    },
  });
  for (const effect of bench.effects.slice(known)) if (effect.kind === "reply") reply = effect.reply;
  assert.ok(reply);
  return reply;
}

function refusal(reply: MasterReply): string {
  return reply.kind === "refused" ? `${reply.error.code}: ${reply.error.message}` : reply.kind;
}

function formed(): MasterBench {
  const bench = new MasterBench({ partitionCount: 2 });
  bench.start("store-1");
  return bench;
}

describe("a registration", () => {
  it("is refused, and changes nothing, when what it says to hold makes no sense", () => {
    const bench = formed();
    const entry = { ...bench.entry(0), epoch: brandAs<Epoch>(7) };
    const nobody = { storeId: "" as never, incarnation: brandAs<Incarnation>(1) };
    const wrong: readonly (readonly [Partial<typeof entry>, RegExp])[] = [
      [{ partition: 2 as never }, /held.entry.partition: names 2/],
      [{ epoch: brandAs<Epoch>(2 ** 32 - 1) }, /held.entry.epoch/],
      [{ primary: undefined }, /held.entry.primary: is absent at epoch 7/],
      [{ primary: nobody }, /names a replica whose store_id is none/],
      [{ backups: [nobody] }, /names a replica whose store_id is none/],
      [
        { primary: { storeId: "store-9" as never, incarnation: brandAs<Incarnation>(2 ** 53 - 1) } },
        /names incarnation 9007199254740991/,
      ],
    ];
    const before = describeEntry(bench.entry(0));
    for (const [flaw, message] of wrong) {
      const held = [{ entry: { ...entry, ...flaw }, keys: 1, bytes: 1 }];
      assert.match(refusal(register(bench, { held })), message);
    }
    const twice = { entry, keys: 1, bytes: 1 };
    assert.match(refusal(register(bench, { held: [twice, twice] })), /names partition 0 twice/);
    assert.equal(describeEntry(bench.entry(0)), before);
  });

  it("is refused by name when another store is at the address, until that one is gone", () => {
    const bench = formed();
    const address = "store-1:1";
    assert.match(
      refusal(register(bench, { address })),
      /^FAILED_PRECONDITION: store store-9 advertises store-1:1, where store store-1 is; .*--advertise/,
    );
    assert.equal(bench.view.topology.stores.length, 1);
    assert.equal(register(bench, { storeId: "store-1", address, processId: "process-1" }).kind, "registered");
    bench.kill("store-1");
    assert.equal(register(bench, { address }).kind, "registered");
  });

  it("waits while it is not known whether the store at its address is gone", () => {
    const bench = formed();
    const address = "store-1:1";
    bench.restart();
    assert.match(refusal(register(bench, { address })), /^UNAVAILABLE: .*where store store-1 is/);
    bench.tick(10_000);
    assert.equal(register(bench, { address }).kind, "registered");
  });

  it("is refused when its address is one to listen on alone", () => {
    const bench = formed();
    for (const address of ["0.0.0.0:7401", "[::]:7401", "0:7401"]) {
      assert.match(refusal(register(bench, { address })), /^INVALID_ARGUMENT: address: .*0\.0\.0\.0/);
    }
  });

  it("is refused with what to do, for each thing that cannot be", () => {
    const bench = formed();
    const other = brandAs<ClusterId>("another");
    assert.match(
      refusal(register(bench, { clusterId: other })),
      /^FAILED_PRECONDITION: .*belongs to cluster another/,
    );
    assert.match(
      refusal(register(bench, { partitionCount: 4 })),
      /^FAILED_PRECONDITION: .*counts 4 partitions/,
    );
    assert.match(refusal(register(bench, { storeId: "A" })), /^INVALID_ARGUMENT: store_id/);
    assert.match(refusal(register(bench, { address: "" })), /^INVALID_ARGUMENT: address/);
    assert.match(refusal(register(bench, { processId: "" })), /^INVALID_ARGUMENT: process_id/);
    assert.match(refusal(register(bench, { weight: 0 })), /^INVALID_ARGUMENT: weight/);
    const held = [{ entry: bench.entry(0), keys: 1, bytes: 1 }];
    assert.match(
      refusal(register(bench, { clusterId: undefined, held })),
      /^FAILED_PRECONDITION: .*names no cluster/,
    );
    assert.match(
      refusal(register(bench, { storeId: "store-1" })),
      /^FAILED_PRECONDITION: .*runs already, at store-1:1/,
    );
  });

  it("is refused when the cluster has as many stores as it may have, unless the store is one of them", () => {
    const bench = formed();
    const [known] = [...bench.committed].filter(([key]) => key === "store/store-1");
    for (let i = 2; i <= limits.storesMax; i += 1) {
      bench.committed.set(`store/store-${i}`, (known?.[1] ?? "").replaceAll("store-1", `store-${i}`));
    }
    bench.restart();
    assert.match(refusal(register(bench, { storeId: "one-more" })), /^RESOURCE_EXHAUSTED: .*1024 stores/);
    assert.equal(refusal(register(bench, { storeId: "store-2", address: "store-2:1" })), "registered");
    assert.equal(bench.view.topology.stores.length, limits.storesMax);
  });

  it("of the same process keeps its incarnation and changes no epoch", () => {
    const bench = formed();
    const reply = bench.register(bench.store("store-1"));
    assert.deepEqual(reply, { kind: "registered", incarnation: 1 });
    assert.equal(bench.owners(), "store-1@1 store-1@1");
  });

  it("of a new process gets a new incarnation, and every partition of the store names it one epoch on", () => {
    const bench = formed();
    bench.kill("store-1");
    assert.equal(bench.view.topology.stores[0]?.alive, false);
    bench.start("store-1");
    assert.equal(describeEntry(bench.entry(1)), "p1@2=store-1#2");
    assert.equal(bench.view.topology.stores[0]?.alive, true);
  });

  it("of a new process is taken when the old one is silent, though its stream looks open", () => {
    const bench = formed();
    bench.nowMs += 3001;
    const held = bench.store("store-1").held();
    assert.equal(refusal(register(bench, { storeId: "store-1", held })), "registered");
  });

  it("adopts higher epochs than the master's, and incarnations", () => {
    const bench = formed();
    const entry = {
      ...bench.entry(0),
      epoch: brandAs<Epoch>(7),
      primary: { storeId: id("store-9"), incarnation: brandAs<Incarnation>(5) },
    };
    const reply = register(bench, { held: [{ entry, keys: 1, bytes: 1 }] });
    assert.deepEqual(reply, { kind: "registered", incarnation: 6 });
    assert.equal(describeEntry(bench.entry(0)).split(" ")[0], "p0@8=store-9#6");
  });

  it("halts a partition that has two owners at one epoch, and nothing starts it again", () => {
    const bench = formed();
    const entry = {
      ...bench.entry(0),
      primary: { storeId: id("store-9"), incarnation: brandAs<Incarnation>(1) },
    };
    register(bench, { held: [{ entry, keys: 1, bytes: 1 }] });
    assert.equal(describeEntry(bench.entry(0)), "p0@1=store-1#1 halted");
    assert.ok(bench.effects.some((effect) => effect.kind === "notice" && effect.notice.level === "error"));
    bench.kill("store-1");
    bench.start("store-1");
    assert.equal(describeEntry(bench.entry(0)), "p0@1=store-1#1 halted");
  });

  it("tells nothing of lower epochs: leftovers", () => {
    const bench = formed();
    const old = bench.entry(0);
    bench.kill("store-1");
    bench.start("store-1");
    const held = [
      {
        entry: { ...old, primary: { storeId: id("store-9"), incarnation: brandAs<Incarnation>(1) } },
        keys: 0,
        bytes: 0,
      },
    ];
    register(bench, { held });
    assert.equal(describeEntry(bench.entry(0)).split(" ")[0], "p0@2=store-1#2");
  });
});

describe("a heartbeat stream", () => {
  it("is ended for an unknown store and for an old incarnation", () => {
    const bench = formed();
    const open = (storeId: string, incarnation: number): string | undefined => {
      bench.trace.length = 0;
      const streamId = 77;
      bench.submit({
        kind: "stream-opened",
        streamId,
        clusterId,
        storeId: id(storeId),
        incarnation: brandAs(incarnation),
      });
      return bench.trace[0];
    };
    assert.equal(open("store-5", 1), "end-stream FAILED_PRECONDITION");
    assert.equal(open("store-1", 9), "end-stream FAILED_PRECONDITION");
  });

  it("that breaks is probed at once: refused is dead now, an answer waits for the silence", () => {
    const bench = formed();
    const store = bench.store("store-1");
    const streamId = store.streamId ?? 0;
    bench.trace.length = 0;
    bench.submit({ kind: "stream-closed", streamId, storeId: store.storeId });
    assert.deepEqual(bench.trace, ["probe store-1"]);
    const probed = (reachable: boolean): void =>
      bench.submit({ kind: "probed", storeId: store.storeId, incarnation: store.incarnation, reachable });
    probed(true);
    assert.equal(bench.view.topology.stores[0]?.alive, true);
    probed(false);
    assert.equal(bench.view.topology.stores[0]?.alive, false);
    assert.equal(bench.owners(), "store-1@1 store-1@1", "ownership stays");
    bench.openStream(store);
    assert.equal(bench.view.topology.stores[0]?.alive, true);
  });

  it("that opened again outruns the probe of the one before", () => {
    const bench = formed();
    const store = bench.store("store-1");
    bench.submit({ kind: "stream-closed", streamId: store.streamId ?? 0, storeId: store.storeId });
    bench.openStream(store);
    bench.submit({
      kind: "probed",
      storeId: store.storeId,
      incarnation: store.incarnation,
      reachable: false,
    });
    assert.equal(bench.view.topology.stores[0]?.alive, true);
  });

  it("that is silent for longer than the suspect interval makes its store dead", () => {
    const bench = formed();
    for (const [afterMs, alive] of [
      [1500, true],
      [1500, true],
      [1, false],
    ] as const) {
      bench.tick(afterMs);
      assert.equal(bench.view.topology.stores[0]?.alive, alive);
    }
  });

  it("is given one interval by a new master, and by one that was stopped itself", () => {
    const bench = formed();
    bench.nowMs += 100_000;
    bench.restart();
    bench.tick(3000);
    assert.equal(bench.view.topology.stores[0]?.alive, true);
    bench.tick(50_000);
    assert.equal(bench.view.topology.stores[0]?.alive, true, "the master slept");
    bench.tick(500);
    assert.equal(bench.view.topology.stores[0]?.alive, false);
  });
});

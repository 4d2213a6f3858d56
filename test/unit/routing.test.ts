import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decideRetry, RoutingTable } from "../../client/routing.js";
import type { ErrorCode } from "../../services/core/errors.js";
import { brandAs } from "../../services/core/ids.js";
import type { PartitionEntry, StoreEndpoint, Topology } from "../../services/core/topology.js";

function entry(partition: number, epoch: number, owner: string | undefined): PartitionEntry {
  return {
    partition: brandAs(partition),
    epoch: brandAs(epoch),
    primary: owner === undefined ? undefined : { storeId: brandAs(owner), incarnation: brandAs(1) },
    backups: [],
    learners: [],
    halted: false,
  };
}

function store(id: string): StoreEndpoint {
  return {
    storeId: brandAs(id),
    incarnation: brandAs(1),
    address: `${id}:1`,
    alive: true,
    state: "active",
  };
}

function topology(version: number, partitions: readonly PartitionEntry[], stores = ["a", "b"]): Topology {
  return {
    clusterId: brandAs("cluster"),
    partitionCount: partitions.length,
    version: brandAs(version),
    term: brandAs(1),
    stores: stores.map(store),
    partitions,
  };
}

describe("the routing table", () => {
  it("sends a key to the primary of its partition", () => {
    const table = new RoutingTable(topology(1, [entry(0, 1, "a"), entry(1, 1, "b")]));
    const partition = table.partitionFor(Buffer.from("some key"));
    assert.equal(table.addressOf(partition), partition === 0 ? "a:1" : "b:1");
  });

  it("keeps keys of one hash tag together", () => {
    const owners = Array.from({ length: 64 }, (_, i) => entry(i, 1, "a"));
    const table = new RoutingTable(topology(1, owners));
    const partitions = ["{user7}:name", "{user7}:mail", "x{user7}"].map((key) =>
      table.partitionFor(Buffer.from(key)),
    );
    assert.equal(new Set(partitions).size, 1);
  });

  it("knows no address of a partition without an owner, or whose owner it has not heard of", () => {
    const table = new RoutingTable(topology(1, [entry(0, 1, undefined), entry(1, 2, "stranger")]));
    assert.equal(table.addressOf(0), undefined);
    assert.equal(table.addressOf(1), undefined);
  });

  it("adopts an entry of a higher epoch, and says whether it taught anything", () => {
    const table = new RoutingTable(topology(1, [entry(0, 3, "a")]));
    assert.equal(table.adopt(entry(0, 3, "a")), false);
    assert.equal(table.adopt(entry(0, 4, "b")), true);
    assert.equal(table.adopt(entry(0, 2, "a")), false);
    assert.equal(table.addressOf(0), "b:1");
  });

  it("keeps a learnt entry over an older push, and yields to a newer one", () => {
    const table = new RoutingTable(topology(1, [entry(0, 1, "a")]));
    table.adopt(entry(0, 3, "b"));
    assert.equal(table.applySnapshot(topology(2, [entry(0, 2, "a")])), true);
    assert.equal(table.addressOf(0), "b:1");
    assert.equal(table.applySnapshot(topology(3, [entry(0, 4, "a")])), true);
    assert.equal(table.addressOf(0), "a:1");
  });

  it("takes the entries of a server that lags behind, but not its list of stores", () => {
    const table = new RoutingTable(topology(7, [entry(0, 1, "a")], ["a", "b", "c"]));
    table.applySnapshot(topology(5, [entry(0, 2, "c")], ["a", "b"]));
    assert.equal(table.addressOf(0), "c:1");
    assert.equal(table.topology.version, 7);
    assert.deepEqual(table.addresses(), ["a:1", "b:1", "c:1"]);
  });

  it("follows deltas: stores that come, stores that go, entries that change", () => {
    const table = new RoutingTable(topology(1, [entry(0, 1, "a"), entry(1, 1, "b")]));
    table.applyDelta({
      fromVersion: brandAs(1),
      version: brandAs(2),
      term: brandAs(1),
      stores: [store("c")],
      removedStoreIds: [brandAs("b")],
      partitions: [entry(1, 2, "c")],
    });
    assert.equal(table.addressOf(1), "c:1");
    assert.deepEqual(table.addresses().sort(), ["a:1", "c:1"]);
    assert.equal(table.topology.version, 2);
  });

  it("refuses another cluster's topology and stays as it was", () => {
    const table = new RoutingTable(topology(1, [entry(0, 1, "a")]));
    const stranger = {
      ...topology(9, [entry(0, 9, "b")]),
      clusterId: brandAs<Topology["clusterId"]>("other"),
    };
    assert.equal(table.applySnapshot(stranger), false);
    assert.equal(table.addressOf(0), "a:1");
  });

  it("hands out topologies that later changes leave alone", () => {
    const table = new RoutingTable(topology(1, [entry(0, 1, "a")]));
    const before = table.topology;
    table.adopt(entry(0, 2, "b"));
    assert.equal(before.partitions[0]?.epoch, 1);
    assert.equal(table.topology.partitions[0]?.epoch, 2);
  });
});

describe("the decision to repeat a call", () => {
  const refused = (code: ErrorCode, notExecuted: boolean, learnt = false, retryAfterMs = 0) =>
    ({ kind: "refused", code, notExecuted, retryAfterMs, learnt }) as const;

  it("follows a MOVED answer at once when it taught something, and pauses when it did not", () => {
    for (const isWrite of [false, true]) {
      assert.equal(decideRetry(isWrite, refused("MOVED", true, true)), "route-again");
      assert.equal(decideRetry(isWrite, refused("MOVED", true, false)), "back-off");
    }
  });

  it("repeats a read whatever happened to it", () => {
    assert.equal(decideRetry(false, { kind: "lost", sent: true }), "back-off");
    assert.equal(decideRetry(false, { kind: "lost", sent: false }), "back-off");
    assert.equal(decideRetry(false, refused("UNAVAILABLE", false)), "back-off");
  });

  it("repeats a write only when it was certainly not executed", () => {
    assert.equal(decideRetry(true, { kind: "lost", sent: false }), "back-off");
    assert.equal(decideRetry(true, { kind: "lost", sent: true }), "outcome-unknown");
    assert.equal(decideRetry(true, refused("UNAVAILABLE", true)), "back-off");
    assert.equal(decideRetry(true, refused("UNAVAILABLE", false)), "outcome-unknown");
  });

  it("passes on whatever a repetition would not change", () => {
    const codes: ErrorCode[] = ["INVALID_ARGUMENT", "CONDITION_FAILED", "RESOURCE_EXHAUSTED", "INTERNAL"];
    for (const code of codes) assert.equal(decideRetry(true, refused(code, true)), "fail");
  });

  it("repeats what the store asks to repeat", () => {
    assert.equal(decideRetry(true, refused("RESOURCE_EXHAUSTED", true, false, 10)), "back-off");
    assert.equal(decideRetry(true, refused("RESOURCE_EXHAUSTED", false, false, 10)), "fail");
  });

  it("never calls a write past its deadline unexecuted unless the store said so", () => {
    assert.equal(decideRetry(true, refused("DEADLINE_EXCEEDED", true)), "fail");
    assert.equal(decideRetry(true, refused("DEADLINE_EXCEEDED", false)), "outcome-unknown");
    assert.equal(decideRetry(true, refused("CANCELLED", false)), "outcome-unknown");
    assert.equal(decideRetry(false, refused("DEADLINE_EXCEEDED", false)), "fail");
  });
});

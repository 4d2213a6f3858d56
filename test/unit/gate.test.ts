import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import {
  brandAs,
  type Epoch,
  type Generation,
  type Incarnation,
  type PartitionId,
  type StoreId,
} from "../../services/core/ids.js";
import { decideGate, refreshGates } from "../../services/core/store/gate.js";
import { Partition } from "../../services/core/store/partition.js";
import type { PartitionEntry, Replica } from "../../services/core/topology.js";

const replica = (name: string, incarnation: number): Replica => ({
  storeId: brandAs<StoreId>(name),
  incarnation: brandAs<Incarnation>(incarnation),
});
const self = replica("s1", 2);
const other = replica("s2", 1);

describe("a call at a store with a copy of the partition", () => {
  let partition: Partition;

  beforeEach(() => {
    partition = new Partition(brandAs<PartitionId>(0));
    partition.generation = brandAs<Generation>(1);
  });

  function enter(roles: Partial<PartitionEntry>): PartitionEntry {
    const entry = {
      ...{ partition: partition.id, epoch: brandAs<Epoch>(5), primary: other },
      ...{ backups: [], learners: [], halted: false, ...roles },
    };
    partition.entry = entry;
    refreshGates(partition, self);
    return entry;
  }

  function assertMoved(entry: PartitionEntry): void {
    for (const write of [false, true]) {
      const gate = decideGate(partition, self, write);
      assert.equal(gate.kind, "refused");
      assert.ok(gate.kind === "refused");
      assert.equal(gate.error.code, "MOVED");
      assert.equal(gate.error.moved, entry);
      assert.ok(gate.error.notExecuted);
    }
  }

  it("is sent to the primary by a backup, which makes nobody wait", () => {
    assertMoved(enter({ backups: [self] }));
  });

  it("is sent to the primary by a backup whose confirmation is of an earlier run", () => {
    assertMoved(enter({ backups: [replica("s1", 1)] }));
  });

  it("is sent to the primary by a former primary that is a backup now", () => {
    enter({ primary: self });
    assert.equal(decideGate(partition, self, true).kind, "open");
    assertMoved(enter({ epoch: brandAs<Epoch>(6), backups: [self] }));
  });

  it("is sent to the source while the copy that a move brings is not complete", () => {
    partition.incoming = { complete: false };
    assertMoved(enter({ backups: [self] }));
  });

  it("waits where a complete copy is about to be handed over", () => {
    partition.incoming = { complete: true };
    enter({ backups: [self] });
    assert.equal(decideGate(partition, self, true).kind, "park");
    assert.equal(decideGate(partition, self, false).kind, "park");
  });

  it("waits at a primary that restarted and is not named anew yet", () => {
    enter({ primary: replica("s1", 1) });
    assert.equal(decideGate(partition, self, false).kind, "park");
  });
});

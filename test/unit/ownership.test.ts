import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import {
  brandAs,
  type Epoch,
  type Generation,
  type Incarnation,
  type MoveId,
  type PartitionId,
  type StoreId,
  type TopologyVersion,
} from "../../services/core/ids.js";
import { Generations } from "../../services/core/store/generations.js";
import { KVMap } from "../../services/core/store/kv-map.js";
import type { Partition } from "../../services/core/store/partition.js";
import { Turns } from "../../services/core/store/turns.js";
import type { PartitionEntry, Replica } from "../../services/core/topology.js";
import { systemClock } from "../../services/runtime/clock.js";
import { Ownership } from "../../services/store/ownership.js";
import { memoryEngine } from "../support/engines.js";

const p0 = brandAs<PartitionId>(0);
const replica = (name: string, incarnation = 1): Replica => ({
  storeId: brandAs<StoreId>(name),
  incarnation: brandAs<Incarnation>(incarnation),
});
const self = replica("s1");
const other = replica("s2");

function entryOf(epoch: number, roles: Partial<PartitionEntry>): PartitionEntry {
  return {
    ...{ partition: p0, epoch: brandAs<Epoch>(epoch), primary: other },
    ...{ backups: [], learners: [], halted: false, ...roles },
  };
}

describe("a live copy on a store", () => {
  let ownership: Ownership;
  let partition: Partition;
  let discarded: Generation[];

  beforeEach(async () => {
    const engine = memoryEngine();
    const kvMap = new KVMap({
      ...{ engine, clock: systemClock, partitionCount: 1 },
      endOfTurn: (callback) => setImmediate(callback),
      onFailStop: () => undefined,
    });
    const generations = new Generations(engine, new Turns(() => Promise.resolve()));
    await generations.load();
    discarded = [];
    ownership = new Ownership({
      ...{ kvMap, engine, generations, storeId: self.storeId },
      discard: (_partition, generation) => void discarded.push(generation),
    });
    ownership.identify(self.incarnation);
    [partition] = kvMap.partitions as [Partition];
  });

  const adopt = (epoch: number, roles: Partial<PartitionEntry>): Promise<boolean> =>
    ownership.adopt([entryOf(epoch, roles)], brandAs<TopologyVersion>(epoch));

  /** The store is the partition's primary, and then `roles` come. */
  async function hold(roles: Partial<PartitionEntry>): Promise<Generation> {
    await adopt(1, { primary: self });
    await adopt(2, roles);
    assert.ok(partition.generation !== undefined);
    return partition.generation;
  }

  const roles: readonly (readonly [string, Partial<PartitionEntry>])[] = [
    ["a backup", { backups: [replica("s3"), self] }],
    ["a backup in an earlier run", { backups: [replica("s1", 7)] }],
    ["a learner", { learners: [{ replica: self, moveId: brandAs<MoveId>("m") }] }],
    ["the primary in an earlier run", { primary: replica("s1", 7) }],
  ];
  for (const [role, entry] of roles) {
    it(`is no stray of the store that the entry names as ${role}, and no order deletes it`, async () => {
      const generation = await hold(entry);
      assert.deepEqual(ownership.strays(), []);
      assert.equal(await ownership.retire(partition, generation), false);
      assert.equal(partition.generation, generation);
      assert.deepEqual(discarded, []);
      assert.equal(ownership.held().length, 1, "a registration lists it");
    });
  }

  it("is a stray of a store without a role, and an order deletes it", async () => {
    const generation = await hold({ backups: [replica("s3")] });
    assert.deepEqual(ownership.strays(), [{ partition: 0, epoch: 2, generation }]);
    assert.equal(await ownership.retire(partition, generation), true);
    assert.deepEqual(discarded, [generation]);
    assert.deepEqual(ownership.held(), []);
  });

  it("begins empty at a backup that the partition's first entry names, and at no later one", async () => {
    await adopt(1, { backups: [self] });
    assert.ok(partition.generation !== undefined);
    assert.equal(partition.readable, false);
  });

  it("is not begun at a backup that a later entry names: it has writes to catch up with", async () => {
    await adopt(3, { backups: [self] });
    assert.equal(partition.generation, undefined);
  });
});

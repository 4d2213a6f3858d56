import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConsistentHashMap } from "../../services/core/consistent-hash-map.js";
import type { Epoch, Incarnation, PartitionId, StoreId } from "../../services/core/ids.js";
import { type KVStoreInfo, KVStoreMap, neighboursOf } from "../../services/core/kv-store-map.js";
import { MigratingList } from "../../services/core/migrating-list.js";
import { KVMap } from "../../services/core/store/kv-map.js";
import { memoryEngine } from "../support/engines.js";

const s1 = "s1" as StoreId;
const s2 = "s2" as StoreId;

function info(storeId: StoreId, keyNum: number): KVStoreInfo {
  return {
    storeId,
    incarnation: 1 as Incarnation,
    ip: "10.0.0.1",
    heartbeatPort: 7401,
    addDropPort: 7401,
    clientPort: 7401,
    alive: true,
    state: "active",
    keyNum,
    keyRange: [],
    partitions: 0,
    leftStoreId: undefined,
    rightStoreId: undefined,
    lastHeartbeatMs: 0,
  };
}

function ringOf(owners: readonly StoreId[]): ConsistentHashMap {
  const ring = new ConsistentHashMap(owners.length);
  for (const [partition, storeId] of owners.entries()) {
    ring.set({
      ...ring.entry(partition as PartitionId),
      epoch: 1 as Epoch,
      primary: { storeId, incarnation: 1 as Incarnation },
    });
  }
  return ring;
}

describe("paper 5.1: the KVStoreMap", () => {
  it("has write, read, updateField, getStoreKeyNum and deleteData", () => {
    const map = new KVStoreMap();
    map.write(s1, info(s1, 10));
    assert.equal(map.read(s1)?.clientPort, 7401);
    assert.equal(map.updateField(s1, "alive", false), true);
    assert.equal(map.read(s1)?.alive, false);
    assert.equal(map.updateField(s2, "alive", false), false, "an unknown store is not made up");
    assert.equal(map.getStoreKeyNum(s1), 10);
    assert.equal(map.getStoreKeyNum(s2), 0);
    assert.equal(map.deleteData(s1), true);
    assert.equal(map.read(s1), undefined);
    assert.equal(map.deleteData(s1), false);
  });

  it("knows a store's left and right neighbours on the closed ring", () => {
    const s3 = "s3" as StoreId;
    const ring = ringOf([s1, s1, s2, s3]).displayHashRing();
    assert.deepEqual(neighboursOf(ring, s1), { left: s3, right: s2 });
    assert.deepEqual(neighboursOf(ring, s3), { left: s2, right: s1 });
    assert.deepEqual(neighboursOf(ringOf([s1, s1]).displayHashRing(), s1), {
      left: undefined,
      right: undefined,
    });
  });
});

describe("paper 5.2: the ConsistentHashMap", () => {
  it("findParticularKey maps a key to the entry of its partition, tags together", () => {
    const ring = ringOf([s1, s1, s2, s2]);
    const entry = ring.findParticularKey(Buffer.from("{user}a"));
    assert.equal(ring.findParticularKey(Buffer.from("{user}b")), entry);
    assert.ok(entry.primary);
  });

  it("addNew gives part of a range to a new store", () => {
    const ring = ringOf([s1, s1, s1, s1]);
    const [whole] = ring.displayHashRing();
    const upper = { start: 2 ** 31, end: 2 ** 32 };
    assert.deepEqual(ring.addNew(whole!.range, upper, s2), [
      { partition: 2, storeId: s2 },
      { partition: 3, storeId: s2 },
    ]);
    assert.throws(() => ring.addNew({ start: 0, end: 2 ** 31 }, upper, s2), /within oldRange/);
  });

  it("removeRange merges a range into an adjacent one, over the ring's seam too", () => {
    const ring = ringOf([s1, s2, s2, s1]);
    const middle = { start: 2 ** 30, end: 3 * 2 ** 30 };
    const last = { start: 3 * 2 ** 30, end: 2 ** 32 };
    assert.deepEqual(
      ring.removeRange(middle, last).map(({ storeId }) => storeId),
      [s1, s1],
    );
    assert.deepEqual(ring.removeRange(last, { start: 0, end: 2 ** 30 }), [{ partition: 3, storeId: s1 }]);
    assert.throws(
      () => ring.removeRange({ start: 0, end: 2 ** 30 }, { start: 2 ** 31, end: 3 * 2 ** 30 }),
      /adjacent/,
    );
  });

  it("displayHashRing merges adjacent partitions of one owner", () => {
    assert.deepEqual(
      ringOf([s1, s1, s2, s1])
        .displayHashRing()
        .map(({ range, storeId, partitions }) => [range.start, range.end, storeId, partitions]),
      [
        [0, 2 ** 31, s1, 2],
        [2 ** 31, 3 * 2 ** 30, s2, 1],
        [3 * 2 ** 30, 2 ** 32, s1, 1],
      ],
    );
  });

  it("never lets an epoch go back", () => {
    const ring = ringOf([s1, s1]);
    const entry = ring.entry(0 as PartitionId);
    assert.throws(() => ring.set({ ...entry, epoch: 0 as Epoch }), /must not go back/);
  });
});

describe("paper 5.3: the migrating list", () => {
  it("has add, getAll, have and remove", () => {
    const list = new MigratingList();
    list.add(s1);
    list.add(s2);
    list.add(s2);
    assert.deepEqual(list.getAll(), [s1, s2]);
    assert.equal(list.have(s2), true);
    assert.equal(list.remove(s2), true);
    assert.equal(list.have(s2), true, "the other migration still holds it");
    list.remove(s2);
    assert.equal(list.have(s2), false);
    assert.equal(list.remove(s2), false);
  });
});

describe("paper 5.4 to 5.6: the KVMap and the flags", () => {
  it("has the KVMap's functions over a storage engine, and both flags", () => {
    const kvMap = new KVMap({
      engine: memoryEngine(),
      clock: {
        nowMs: () => 0,
        wallMs: () => 0,
        setTimer: () => ({ cancel: () => undefined }),
        endOfTurn: (callback) => void setImmediate(callback),
      },
      partitionCount: 2,
      endOfTurn: (callback) => setImmediate(callback),
      onFailStop: () => undefined,
    });
    const [partition] = kvMap.partitions;
    assert.ok(partition);
    assert.equal(kvMap.get(partition, Buffer.from("k")), undefined);
    assert.deepEqual([...kvMap.browse(partition)], []);
    assert.equal(partition.isMigrating, false, "of one partition, not of the store");
    assert.equal(partition.readable, false, "nothing is served before the master has named this store");
  });
});

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import {
  brandAs,
  type Epoch,
  type Generation,
  type Incarnation,
  type StoreId,
} from "../../services/core/ids.js";
import { refreshGates } from "../../services/core/store/gate.js";
import { KVMap } from "../../services/core/store/kv-map.js";
import type { Partition } from "../../services/core/store/partition.js";
import { systemClock } from "../../services/runtime/clock.js";
import { Calls } from "../../services/store/calls.js";
import { memoryEngine } from "../support/engines.js";

const self = { storeId: brandAs<StoreId>("s1"), incarnation: brandAs<Incarnation>(1) };
const key = Buffer.from("k");
const put = { kind: "put", key, value: Buffer.from("v"), condition: undefined, ttlMs: 0 } as const;

describe("a call at a partition whose hand-off begins", () => {
  let calls: Calls;
  let partition: Partition;

  beforeEach(() => {
    const kvMap = new KVMap({
      engine: memoryEngine(),
      clock: systemClock,
      partitionCount: 1,
      endOfTurn: (callback) => setImmediate(callback),
      onFailStop: () => undefined,
    });
    calls = new Calls({
      kvMap,
      clock: systemClock,
      valueBytesMax: 100,
      parkMs: 5000,
      parkedCallsMax: 10,
      self: () => self,
    });
    [partition] = kvMap.partitions as [Partition];
    partition.entry = {
      partition: partition.id,
      epoch: brandAs<Epoch>(1),
      primary: self,
      backups: [],
      learners: [],
      halted: false,
    };
    partition.generation = brandAs<Generation>(1);
    refreshGates(partition, self);
  });

  function setMigrating(isMigrating: boolean): void {
    partition.isMigrating = isMigrating;
    refreshGates(partition, self);
  }

  // A write that had passed the gate, and got its seq once the hand-off had drained, would be acknowledged and lost.
  for (let microtasks = 0; microtasks < 6; microtasks += 1) {
    it(`gets no seq behind the gate that closes after ${microtasks} microtasks`, async () => {
      setMigrating(true);
      const parked = calls.write(put, Infinity);
      setMigrating(false);
      partition.resumeParked();
      const direct = calls.write(put, Infinity);
      for (let step = 0; step < microtasks; step += 1) await Promise.resolve();
      setMigrating(true);
      const drained = partition.seq;
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(partition.seq, drained);
      setMigrating(false);
      partition.resumeParked();
      await Promise.all([parked, direct]);
      assert.equal(partition.seq, 2);
    });
  }
});

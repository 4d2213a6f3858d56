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
import { limits } from "../../services/core/limits.js";
import type { StorageEngine } from "../../services/core/ports/storage-engine.js";
import { refreshGates } from "../../services/core/store/gate.js";
import { KVMap } from "../../services/core/store/kv-map.js";
import type { BrowseRequest, BrowseResponse } from "../../services/gen/elastickv/v1/store.js";
import { systemClock } from "../../services/runtime/clock.js";
import { browse } from "../../services/store/browse.js";
import { memoryEngine, putOf } from "../support/engines.js";

const self = { storeId: brandAs<StoreId>("s1"), incarnation: brandAs<Incarnation>(1) };
const other = { ...self, storeId: brandAs<StoreId>("s2") };
const none = new Uint8Array(0);
const partitionCount = 256;

describe("the pages of a browse", () => {
  let engine: StorageEngine;
  let kvMap: KVMap;

  beforeEach(() => {
    engine = memoryEngine();
    kvMap = new KVMap({
      ...{ engine, clock: systemClock, partitionCount },
      endOfTurn: (callback) => setImmediate(callback),
      onFailStop: () => undefined,
    });
    for (let id = 0; id < partitionCount; id += 1) setOwner(id, self);
  });

  function setOwner(id: number, primary: typeof self): void {
    const partition = kvMap.partitions[id];
    assert.ok(partition);
    partition.entry = {
      ...{ partition: brandAs<PartitionId>(id), epoch: brandAs<Epoch>(1), primary },
      ...{ backups: [], learners: [], halted: false },
    };
    partition.generation = brandAs<Generation>(1);
    refreshGates(partition, self);
  }

  const pages = (request: Partial<BrowseRequest>): IterableIterator<BrowseResponse> =>
    browse(
      { kvMap, self: () => self },
      { prefix: none, cursor: none, partitions: [], limit: 0, keysOnly: false, ...request },
    );
  const keysOf = (answers: readonly BrowseResponse[]): string[] =>
    answers.flatMap(({ entries }) => entries.map(({ key }) => Buffer.from(key).toString()));

  it("holds what is found in many partitions, and looks into a limited number for one page", async () => {
    await engine.commit([putOf(3, 1, "a1", ""), putOf(3, 1, "b1", ""), putOf(200, 1, "a2", "")]);
    const found = [...pages({ prefix: Buffer.from("a") })];
    assert.deepEqual(keysOf(found), ["a1", "a2"]);
    assert.equal(found.length, partitionCount / limits.browsePagePartitions);
    assert.deepEqual(
      found.flatMap(({ finishedPartitions }) => finishedPartitions),
      kvMap.partitions.map(({ id }) => id),
    );
  });

  it("gives every entry once when each page is asked for with the cursor of the last", async () => {
    const count = limits.browsePageEntries + 10;
    const names = Array.from({ length: count }, (_, i) => `k${String(i).padStart(5, "0")}`);
    await engine.commit(names.map((name, i) => putOf(i < count - 5 ? 1 : 2, 1, name, "")));
    for (const limit of [7, 0]) {
      const found: BrowseResponse[] = [];
      let cursor: Uint8Array = none;
      for (;;) {
        const answer = pages({ cursor, limit }).next();
        if (answer.done === true) break;
        found.push(answer.value);
        if (answer.value.finishedPartitions.includes(partitionCount - 1)) break;
        ({ cursor } = answer.value);
      }
      assert.deepEqual(keysOf(found), names);
      assert.ok(found.every(({ entries }) => entries.length <= (limit || limits.browsePageEntries)));
    }
  });

  it("stops at the limit, in whatever partition", async () => {
    await engine.commit(Array.from({ length: 20 }, (_, i) => putOf(i, 1, `k${i}`, "")));
    assert.equal(keysOf([...pages({ limit: 12 })]).length, 12);
  });

  it("ends a page at a partition that is served elsewhere, and goes on behind it", async () => {
    await engine.commit([putOf(1, 1, "a", ""), putOf(2, 1, "b", ""), putOf(3, 1, "c", "")]);
    setOwner(2, other);
    const found = [...pages({ partitions: [1, 2, 3] })];
    assert.deepEqual(
      found.map(({ finishedPartitions, moved }) => [
        finishedPartitions,
        moved.map((entry) => entry.partition),
      ]),
      [
        [[1], [2]],
        [[3], []],
      ],
    );
    assert.deepEqual(keysOf(found), ["a", "c"]);
    assert.deepEqual(Buffer.from(found[0]?.cursor ?? none), Buffer.from([0, 0, 0, 2]));
  });
});

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
import type { StorageEngine } from "../../services/core/ports/storage-engine.js";
import { ExpirySweep } from "../../services/core/store/expiry-sweep.js";
import { refreshGates } from "../../services/core/store/gate.js";
import { KVMap } from "../../services/core/store/kv-map.js";
import { WorkPace } from "../../services/core/store/work-pace.js";
import { memoryEngine, putOf } from "../support/engines.js";
import { VirtualLoop } from "../support/virtual-loop.js";

const self = { storeId: brandAs<StoreId>("s1"), incarnation: brandAs<Incarnation>(1) };
/** What a busy machine takes: several times what a deletion was measured to. */
const readMs = 0.01;
const writeMs = 0.04;

describe("the sweep of expired keys", () => {
  let loop: VirtualLoop;
  let engine: StorageEngine;
  let kvMap: KVMap;
  let sweep: ExpirySweep;
  /** Time that the sweep took of the present turn. */
  let sweptMs: number;

  beforeEach(() => {
    loop = new VirtualLoop();
    sweptMs = 0;
    engine = memoryEngine();
    const spend = (ms: number): void => {
      loop.spend(ms);
      sweptMs += ms;
    };
    const timed = new Proxy(engine, {
      get: (target, name) => {
        if (name === "expired") {
          return (...args: Parameters<StorageEngine["expired"]>) => {
            const found = target.expired(...args);
            spend(found.length * readMs);
            return found;
          };
        }
        if (name === "commit") {
          return (batch: Parameters<StorageEngine["commit"]>[0]) => {
            spend(batch.length * writeMs);
            return target.commit(batch);
          };
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    kvMap = new KVMap({
      ...{ engine: timed, clock: loop, partitionCount: 2 },
      endOfTurn: (callback) => loop.endOfTurn(callback),
      onFailStop: () => undefined,
    });
    for (const partition of kvMap.partitions) {
      partition.entry = {
        ...{ partition: partition.id, epoch: brandAs<Epoch>(1), primary: self },
        ...{ backups: [], learners: [], halted: false },
      };
      partition.generation = brandAs<Generation>(1);
      refreshGates(partition, self);
    }
    sweep = new ExpirySweep(kvMap, loop);
    sweep.start();
  });

  const expired = (): number => engine.expired(loop.wallMs(), 1_000_000).length;

  it("goes through all there are, in short pieces with callers between them", async () => {
    const count = 20_000;
    await engine.commit(
      Array.from({ length: count }, (_, i) => putOf(i % 2, 1, `key ${i}`, "", 1 + Math.floor(i / 400))),
    );
    loop.spend(5000);
    let turns = 0;
    let longestMs = 0;
    while (engine.expired(loop.wallMs(), 1).length > 0) {
      sweptMs = 0;
      await loop.turn(() => loop.spend(1));
      turns += 1;
      longestMs = Math.max(longestMs, sweptMs);
      if (turns === 100) assert.ok(sweep.lagMs() > 4900, `${sweep.lagMs()} ms late`);
      assert.ok(turns < 5000, "keys are left");
    }
    // A piece of 2 ms holds 40 keys at this cost: the turns follow the work.
    assert.ok(turns <= count / 32, `${turns} turns for ${count} keys`);
    assert.ok(longestMs <= 5, `${longestMs} ms in one turn`);
    await loop.turn(() => loop.spend(1));
    assert.equal(sweep.lagMs(), 0);
  });

  it("keeps up with 6,000 keys a second while callers take most of each turn", async () => {
    let written = 0;
    let lagMsMax = 0;
    while (loop.nowMs() < 8000) {
      sweptMs = 0;
      await loop.turn(async () => {
        const expiresAtMs = Math.floor(loop.nowMs()) + 1000;
        const fresh = Math.floor(loop.nowMs() * 6) - written;
        await engine.commit(
          Array.from({ length: fresh }, (_, i) => putOf(0, 1, `key ${written + i}`, "", expiresAtMs)),
        );
        written += fresh;
        loop.spend(5);
      });
      assert.ok(sweptMs <= 5, `${sweptMs} ms in one turn`);
      lagMsMax = Math.max(lagMsMax, sweep.lagMs());
    }
    assert.ok(written > 45_000, `${written} keys were written`);
    assert.ok(expired() < 6000, `${expired()} expired keys are left`);
    assert.ok(lagMsMax < 2000, `${lagMsMax} ms late`);
  });

  it("is not held up by expired keys that it may not delete", async () => {
    const notLive = Array.from({ length: 3000 }, (_, i) => putOf(1, 7, `copy ${i}`, "", 1));
    const live = Array.from({ length: 10 }, (_, i) => putOf(0, 1, `key ${i}`, "", 2));
    await engine.commit([...notLive, ...live]);
    loop.spend(1000);
    let turns = 0;
    for (; expired() > notLive.length; turns += 1) {
      assert.ok(turns < 1000, "the keys behind them stay");
      await loop.turn(() => loop.spend(1));
    }
    assert.equal(
      engine.get(brandAs<PartitionId>(0), brandAs<Generation>(1), Buffer.from("key 9")),
      undefined,
    );
    assert.equal(expired(), notLive.length);
    for (let i = 0; i < 100; i += 1) await loop.turn(() => loop.spend(1));
    assert.equal(sweep.lagMs(), 0, "nothing that is this store's to delete is late");
  });

  it("ends for good when it is stopped", async () => {
    await engine.commit([putOf(0, 1, "key", "", 1)]);
    sweep.stop();
    for (let i = 0; i < 10; i += 1) await loop.turn(() => loop.spend(1000));
    assert.equal(expired(), 1);
  });
});

describe("the pace of background work", () => {
  it("follows what a piece costs and what callers take, between its limits", () => {
    const pace = new WorkPace();
    const first = pace.items;
    pace.took(first, 0, 0);
    assert.equal(pace.items, 2 * first, "too cheap to measure: twice as many at most");
    for (let i = 0; i < 10; i += 1) pace.took(pace.items, pace.items * 0.01, 0);
    assert.equal(pace.items, 200, "2 ms where nobody calls");
    for (let i = 0; i < 10; i += 1) pace.took(pace.items, pace.items * 0.01, 20);
    assert.equal(pace.items, 400, "4 ms where callers take longer");
    pace.took(pace.items, 4000, 20);
    assert.equal(pace.items, 16);
    pace.took(0, 0, 0);
    assert.equal(pace.items, 16, "nothing is learnt from nothing");
  });
});

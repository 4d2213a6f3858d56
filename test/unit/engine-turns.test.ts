import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { limits } from "../../services/core/limits.js";
import type { StorageEngine } from "../../services/core/ports/storage-engine.js";
import { systemRandom } from "../../services/runtime/random.js";
import { decideCleaning } from "../../services/store/engine/log/cleaner.js";
import { SegmentMap } from "../../services/store/engine/log/segments.js";
import { openMemoryEngine } from "../../services/store/engine/memory.js";
import { deleteOf, generationOf, partitionOf, putOf } from "../support/engines.js";
import { HeldClock } from "../support/held-clock.js";

const keys = 40_000;
const keysPerCommit = 500;
/** The second that they expire in has begun, and is not over, and they expire at its end. */
const expiresAtMs = 10_999;
/** A leaf is sorted, and a page of it read. */
const looksMax = 2 * limits.leafKeysMax;

/** Every look at an entry of the log goes through one of these. */
const counting = ["locate", "isIntact", "hasKey"] as const;
const { locate, isIntact, hasKey } = SegmentMap.prototype;
const originals = { locate, isIntact, hasKey };

/** Times that entries of the log were looked at. */
let looks = 0;

function counted(work: () => void): number {
  looks = 0;
  work();
  return looks;
}

// The bound of a turn's work must not depend on how much there is: time is measured by a bench, here work is counted.
describe(`what one turn looks at in a generation of ${keys} keys`, () => {
  const clock = new HeldClock();
  let engine: StorageEngine;
  const keyOf = (number: number): string => `key ${Math.imul(number, 0x9e37_79b1) >>> 0}`;
  const fill = async (generation: number, expiry: number): Promise<void> => {
    for (let first = 0; first < keys; first += keysPerCommit) {
      await engine.commit(
        Array.from({ length: keysPerCommit }, (_, i) => putOf(1, generation, keyOf(first + i), "v", expiry)),
      );
    }
  };
  const partition = partitionOf(1);

  before(async () => {
    for (const name of counting) {
      const real = originals[name] as (...args: unknown[]) => unknown;
      Object.defineProperty(SegmentMap.prototype, name, {
        ...{ configurable: true, writable: true },
        value(this: SegmentMap, ...args: unknown[]): unknown {
          looks += 1;
          return real.apply(this, args);
        },
      });
    }
    engine = openMemoryEngine({ clock, random: systemRandom });
    await fill(1, 0);
    await fill(2, expiresAtMs);
  });
  after(async () => {
    await engine.close();
    Object.assign(SegmentMap.prototype, originals);
  });

  for (const [name, bounds] of [
    ["the whole range", {}],
    ["a prefix", { prefix: Buffer.from("key 77") }],
    ["what is behind a key", { behind: Buffer.from("key 4") }],
    ["a prefix that no key has", { prefix: Buffer.from("kez") }],
  ] as const) {
    it(`is a leaf of ${name}, at its first entry and at any other`, () => {
      const range = engine.range(partition, generationOf(1), bounds);
      for (let isDone = false; !isDone;) {
        const count = counted(() => (isDone = range.next().done === true));
        assert.ok(count <= looksMax, `${count} looks for one entry`);
      }
    });
  }

  it("is nothing when a snapshot is taken, and an entry of it then", () => {
    let snapshot: ReturnType<StorageEngine["snapshot"]> | undefined;
    assert.equal(
      counted(() => (snapshot = engine.snapshot(partition, generationOf(1)))),
      0,
    );
    const entries = snapshot?.entries();
    for (let n = 0; n < 5000; n += 1) assert.ok(counted(() => entries?.next()) <= 2);
    snapshot?.close();
  });

  it("is a leaf for a write, even of one that is split or copied", async () => {
    const snapshot = engine.snapshot(partition, generationOf(1));
    for (let n = 0; n < 3000; n += 1) {
      const write = n % 3 === 0 ? deleteOf(1, 1, keyOf(n)) : putOf(1, 1, `new ${n}`, "v");
      looks = 0;
      await engine.commit([write]);
      // Each commit cleans a little too.
      assert.ok(looks <= looksMax, `${looks} looks for a write`);
    }
    snapshot.close();
  });

  it("is some of what has not expired, though all is in the second that is not over", async () => {
    const nowMs = expiresAtMs - 100;
    assert.ok(counted(() => assert.deepEqual(engine.expired(nowMs, 100), [])) <= limits.expiryLooksMax);
    await engine.commit([putOf(1, 3, "due", "v", nowMs)]);
    const found = engine.expired(expiresAtMs, keys + 2).length;
    assert.equal(found, keys + 1);
  });

  it("is some of a generation that is dropped, at once and in each turn after that", async () => {
    looks = 0;
    await engine.dropGeneration(partition, generationOf(2));
    assert.ok(looks <= limits.leafKeysMax, `${looks} looks for a drop`);
    assert.ok(counted(() => engine.expired(expiresAtMs, 100)) <= limits.expiryLooksMax);
    let turns = 0;
    for (; clock.waiting > 0 && engine.expired(expiresAtMs, 100).length === 0; turns += 1) {
      looks = 0;
      await clock.goOn(0);
      assert.ok(looks <= looksMax, `${looks} looks in a turn`);
    }
    assert.ok(turns > 10, "the dropped keys leave the index of expiries in many turns");
    assert.deepEqual(
      engine.expired(expiresAtMs, 100).map(({ key }) => Buffer.from(key).toString()),
      ["due"],
    );
  });
});

it("cleaning goes through half a MiB in a turn, or three times what a larger batch writes", () => {
  const full = { bytes: 300_000_000, liveBytes: 100_000_000 };
  const bounds = { ratio: 2, slackBytes: 33_554_432 };
  assert.equal(decideCleaning(full, bounds, 0), limits.cleaningStepBytesMax);
  assert.equal(decideCleaning(full, bounds, 1000), 16_000);
  assert.equal(decideCleaning(full, bounds, 100_000), limits.cleaningStepBytesMax);
  assert.equal(decideCleaning(full, bounds, 1_000_000), 3_000_000);
});

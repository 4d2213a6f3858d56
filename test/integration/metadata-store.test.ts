import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import { openLmdbMetadataStore } from "../../services/master/metadata/lmdb.js";
import { temporaryFolder } from "../support/engines.js";

describe("the embedded metadata store", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());

  test("keeps what was committed, across restarts, and forgets what was deleted", async () => {
    const first = await openLmdbMetadataStore({ path: folder.path });
    assert.equal((await first.load()).size, 0);
    await first.commit([
      { key: "store/s1", value: '{"host":"ö"}' },
      { key: "partition/7", value: "x".repeat(100_000) },
      { key: "gone", value: "soon" },
    ]);
    await first.commit([{ key: "gone", value: undefined }]);
    await first.commit([]);
    await first.close();
    const second = await openLmdbMetadataStore({ path: folder.path });
    const stored = await second.load();
    assert.deepEqual([...stored.keys()].toSorted(), ["partition/7", "store/s1"]);
    assert.equal(stored.get("store/s1"), '{"host":"ö"}');
    assert.equal(stored.get("partition/7")?.length, 100_000);
    await second.close();
  });

  test("commits apply in the order of the calls, also while one is being flushed", async () => {
    const store = await openLmdbMetadataStore({ path: folder.path });
    const order: number[] = [];
    const commit = async (round: number): Promise<void> => {
      await store.commit([{ key: "last", value: String(round) }]);
      order.push(round);
    };
    const early = [0, 1, 2].map(commit);
    await early[0];
    await Promise.all([...early, ...[3, 4, 5].map(commit)]);
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5]);
    assert.equal((await store.load()).get("last"), "5");
    await store.close();
  });

  test("a commit that cannot be stored is refused as a whole, its neighbours are not", async () => {
    const store = await openLmdbMetadataStore({ path: folder.path });
    const outcomes = await Promise.allSettled([
      store.commit([{ key: "a", value: "1" }]),
      store.commit([
        { key: "b", value: "1" },
        { key: "k".repeat(5000), value: "1" },
      ]),
      store.commit([{ key: "c", value: "1" }]),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.deepEqual([...(await store.load()).keys()], ["a", "c"]);
    await store.close();
  });

  test("is closed once and then refuses", async () => {
    const store = await openLmdbMetadataStore({ path: folder.path });
    const last = store.commit([{ key: "a", value: "1" }]);
    await store.close();
    await store.close();
    await last;
    await assert.rejects(
      store.commit([{ key: "b", value: "1" }]),
      (error: unknown) => error instanceof EkvError && error.code === "UNAVAILABLE",
    );
  });
});

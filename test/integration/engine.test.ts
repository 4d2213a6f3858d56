import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import type { EngineSnapshot, StorageEngine } from "../../services/core/ports/storage-engine.js";
import { recordValueOffset } from "../../services/core/record.js";
import {
  countersOf,
  deleteOf,
  engineKinds,
  generationOf,
  memoryEngine,
  partitionOf,
  putOf,
  temporaryFolder,
  withColumns,
} from "../support/engines.js";

const valueOf = (record: Uint8Array | undefined): string | undefined =>
  record && Buffer.from(record).toString("utf8", recordValueOffset(record));

function keysOf(engine: Pick<StorageEngine, "range">, partition: number, generation: number): string[] {
  return Array.from(engine.range(partitionOf(partition), generationOf(generation)), ({ key }) =>
    Buffer.from(key).toString(),
  );
}

/** Keys and values, ascending. */
function frozenIn(snapshot: EngineSnapshot): (string | undefined)[][] {
  return Array.from(snapshot.entries(), ({ key, record }) => [
    Buffer.from(key).toString(),
    valueOf(record),
  ]).toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1));
}

const isEkvError = (code: string) => (error: unknown) => error instanceof EkvError && error.code === code;

for (const { kind, open } of engineKinds) {
  describe(`storage engine: ${kind}`, () => {
    let engine: StorageEngine;
    let folder: Awaited<ReturnType<typeof temporaryFolder>>;
    before(async () => {
      folder = await temporaryFolder();
      engine = await open(folder.path);
    });
    after(async () => {
      await engine.close();
      await folder.remove();
    });
    const get = (partition: number, generation: number, key: string): string | undefined =>
      valueOf(engine.get(partitionOf(partition), generationOf(generation), Buffer.from(key)));

    test("a committed batch is visible, each generation for itself", async () => {
      await engine.commit([putOf(1, 1, "a", "one"), putOf(1, 2, "a", "two"), putOf(65_535, 1, "a", "three")]);
      assert.deepEqual([get(1, 1, "a"), get(1, 2, "a"), get(65_535, 1, "a")], ["one", "two", "three"]);
      assert.deepEqual([get(1, 3, "a"), get(2, 1, "a"), get(1, 1, "b")], [undefined, undefined, undefined]);
    });

    test("what get returns is a plain view of exactly the record", async () => {
      await engine.commit([putOf(1, 1, "big", Buffer.alloc(300_000, 7)), putOf(1, 1, "small", "x")]);
      for (const [key, bytes] of [
        ["small", 12],
        ["big", 300_011],
        ["small", 12],
      ] as const) {
        const record = engine.get(partitionOf(1), generationOf(1), Buffer.from(key));
        assert.equal(record?.byteLength, bytes);
        assert.equal(Buffer.from(record ?? []).length, bytes);
      }
    });

    test("get takes a key out of the middle of other bytes, short or long", async () => {
      for (const key of ["k", "k".repeat(1024)]) {
        await engine.commit([putOf(1, 1, key, `value of ${key}`)]);
        const bytes = Buffer.from(`>>${key}<<`);
        const record = engine.get(partitionOf(1), generationOf(1), bytes, 2, 2 + key.length);
        assert.equal(valueOf(record), `value of ${key}`);
      }
    });

    test("within a batch the last write of a key counts", async () => {
      await engine.commit([
        putOf(2, 1, "k", "1"),
        deleteOf(2, 1, "k"),
        putOf(2, 1, "k", "2"),
        putOf(2, 1, "l", "1"),
        deleteOf(2, 1, "l"),
      ]);
      assert.deepEqual([get(2, 1, "k"), get(2, 1, "l")], ["2", undefined]);
      await engine.commit([]);
      await engine.commit([deleteOf(2, 1, "never there")]);
    });

    test("batches commit in the order of the calls", async () => {
      await Promise.all(
        Array.from({ length: 50 }, (_, round) => engine.commit([putOf(3, 1, "k", String(round))])),
      );
      assert.equal(get(3, 1, "k"), "49");
    });

    test("meta values are kept apart, listed by prefix, and handed out as copies", async () => {
      await engine.commit([
        { kind: "meta", name: "m/b", value: Buffer.from("2") },
        { kind: "meta", name: "m/a", value: Buffer.from("1") },
        { kind: "meta", name: "n", value: Buffer.from("3") },
      ]);
      engine.getMeta("m/a")?.fill(0);
      assert.equal(Buffer.from(engine.getMeta("m/a") ?? []).toString(), "1");
      assert.deepEqual(
        engine.listMeta("m/").map(({ name }) => name),
        ["m/a", "m/b"],
      );
      await engine.commit([{ kind: "meta", name: "m/a", value: undefined }]);
      assert.equal(engine.getMeta("m/a"), undefined);
      assert.deepEqual(
        engine.listMeta("").map(({ name }) => name),
        ["m/b", "n"],
      );
    });

    test("a range goes in byte order over many pages, from a key or behind it", async () => {
      const names = Array.from({ length: 1000 }, (_, index) => `k${String(index).padStart(4, "0")}`);
      await engine.commit(names.toReversed().map((name) => putOf(4, 7, name, name)));
      await engine.commit([
        putOf(4, 6, "other", ""),
        putOf(4, 8, "other", ""),
        putOf(4, 7, Buffer.from([255, 255]), ""),
      ]);
      const seen = keysOf(engine, 4, 7);
      assert.deepEqual(seen.slice(0, 1000), names);
      assert.equal(seen.length, 1001);
      const first = (bounds: { prefix?: Uint8Array; behind?: Uint8Array }): string =>
        Buffer.from(engine.range(partitionOf(4), generationOf(7), bounds).next().value?.key ?? []).toString();
      assert.equal(first({ prefix: Buffer.from("k0500") }), "k0500");
      assert.equal(first({ behind: Buffer.from("k0500") }), "k0501");
      assert.equal(first({ behind: Buffer.from("k0500x") }), "k0501");
      assert.equal(first({ prefix: Buffer.from("k05"), behind: Buffer.from("k0599") }), "");
    });

    test("a range sees later commits, a snapshot does not", async () => {
      await engine.commit(Array.from({ length: 600 }, (_, index) => putOf(5, 1, `a${1000 + index}`, "old")));
      await engine.commit([putOf(5, 2, "a1000", "another generation"), putOf(6, 1, "a1000", "another")]);
      const snapshot = engine.snapshot(partitionOf(5), generationOf(1));
      const live = engine.range(partitionOf(5), generationOf(1));
      live.next();
      await engine.commit([
        putOf(5, 1, "b", "new"),
        putOf(5, 1, "a1599", "changed"),
        deleteOf(5, 1, "a1598"),
      ]);
      const liveKeys = Array.from(live, ({ key }) => Buffer.from(key).toString());
      assert.equal(liveKeys.at(-1), "b");
      assert.equal(liveKeys.includes("a1598"), false);
      assert.deepEqual(
        frozenIn(snapshot),
        Array.from({ length: 600 }, (_, index) => [`a${1000 + index}`, "old"]),
      );
      snapshot.close();
      snapshot.close();
      assert.throws(() => snapshot.entries(), isEkvError("UNAVAILABLE"));
    });

    test("a snapshot keeps what is changed, deleted and dropped after it", async () => {
      const keys = Array.from({ length: 500 }, (_, index) => `k${1000 + index}`);
      await engine.commit(keys.map((key) => putOf(14, 1, key, "old")));
      const snapshot = engine.snapshot(partitionOf(14), generationOf(1));
      const begun = snapshot.entries();
      begun.next();
      await engine.commit(keys.slice(0, 50).map((key) => putOf(14, 1, key, "new")));
      await engine.commit(keys.slice(0, 100).map((key) => deleteOf(14, 1, key)));
      await engine.dropGeneration(partitionOf(14), generationOf(1));
      assert.deepEqual(keysOf(engine, 14, 1), []);
      assert.deepEqual(
        frozenIn(snapshot),
        keys.map((key) => [key, "old"]),
      );
      assert.equal(Array.from(begun).length, 499);
      snapshot.close();
    });

    test("the expiry index follows overwrites and deletes", async () => {
      const expired = (wallMs: number, limit = 10): string[] =>
        engine.expired(wallMs, limit).map(({ key }) => Buffer.from(key).toString());
      await engine.commit([
        putOf(6, 1, "x", "", 3000),
        putOf(6, 1, "y", "", 1000),
        putOf(6, 1, "z", "", 2000),
      ]);
      assert.deepEqual(expired(999), []);
      assert.deepEqual(expired(1000), ["y"]);
      assert.deepEqual(expired(5000), ["y", "z", "x"]);
      assert.deepEqual(expired(5000, 2), ["y", "z"]);
      await engine.commit([putOf(6, 1, "y", "kept"), putOf(6, 1, "x", "", 1500), deleteOf(6, 1, "z")]);
      assert.deepEqual(expired(5000), ["x"]);
      await engine.dropGeneration(partitionOf(6), generationOf(1));
      assert.deepEqual(expired(5000), []);
    });

    test("keys that expire are found piece by piece, each once", async () => {
      const names = Array.from({ length: 40 }, (_, index) => `e${10 + index}`);
      await engine.commit(names.map((name, index) => putOf(7, 1, name, "", 1000 * (40 - (index >> 1)))));
      const found: string[] = [];
      let position: Uint8Array | undefined;
      for (;;) {
        const piece = engine.expired(50_000, 7, position);
        if (piece.length === 0) break;
        assert.ok(piece.length <= 7);
        assert.ok(found.length < names.length, "a key is found again");
        found.push(...piece.map(({ key }) => Buffer.from(key).toString()));
        position = piece.at(-1)?.position;
      }
      assert.deepEqual(found.toSorted(), names);
      const expiries = found.map((name) => 1000 * (40 - ((Number(name.slice(1)) - 10) >> 1)));
      assert.ok(expiries.every((at, index) => index === 0 || at >= (expiries[index - 1] ?? 0)));
      await engine.dropGeneration(partitionOf(7), generationOf(1));
    });

    test("counters are a generation's own, and handed out as copies", async () => {
      const counters = (generation: number): string | undefined => {
        const value = engine.getCounters(partitionOf(8), generationOf(generation));
        return value && Buffer.from(value).toString();
      };
      await engine.commit([countersOf(8, 1, "one"), countersOf(8, 2, "two"), putOf(8, 1, "a", "")]);
      await engine.commit([countersOf(8, 1, "three")]);
      assert.deepEqual([counters(1), counters(2), counters(3)], ["three", "two", undefined]);
      engine.getCounters(partitionOf(8), generationOf(1))?.fill(0);
      assert.equal(counters(1), "three");
      assert.deepEqual(
        engine.listMeta("").filter(({ name }) => name.includes("8")),
        [],
      );
    });

    test("a generation is listed while it has data or counters, in order", async () => {
      await engine.commit([putOf(9, 10, "a", ""), putOf(9, 3, "a", ""), countersOf(9, 4, "c")]);
      await engine.commit([countersOf(9, 10, "c"), countersOf(10, 2, "c")]);
      const listed = (): number[][] =>
        engine
          .listGenerations()
          .filter(({ partition }) => partition === 9 || partition === 10)
          .map(({ partition, generation }) => [partition, generation]);
      assert.deepEqual(listed(), [
        [9, 3],
        [9, 4],
        [9, 10],
        [10, 2],
      ]);
      await engine.commit([deleteOf(9, 3, "a"), deleteOf(9, 10, "a")]);
      assert.deepEqual(listed(), [
        [9, 4],
        [9, 10],
        [10, 2],
      ]);
    });

    test("a generation is dropped with its counters, and nothing else is", async () => {
      const keys = Array.from({ length: 1500 }, (_, index) => `k${index}`);
      await engine.commit(keys.map((key) => putOf(12, 4, key, "", 1000)));
      await engine.commit([3, 4, 5].flatMap((of) => [putOf(12, of, "a", `${of}`), countersOf(12, of, "c")]));
      const last = engine.commit([putOf(12, 4, "last", "")]);
      await Promise.all([last, engine.dropGeneration(partitionOf(12), generationOf(4))]);
      assert.deepEqual(keysOf(engine, 12, 4), []);
      assert.equal(get(12, 4, "a"), undefined);
      assert.equal(engine.getCounters(partitionOf(12), generationOf(4)), undefined);
      assert.deepEqual(engine.expired(5000, 10), []);
      const left = engine.listGenerations().filter(({ partition }) => partition === 12);
      assert.deepEqual(
        left.map(({ generation }) => generation),
        [3, 5],
      );
      assert.deepEqual([get(12, 3, "a"), get(12, 5, "a")], ["3", "5"]);
      await engine.dropGeneration(partitionOf(12), generationOf(4));
    });

    test("a range of large values is read in bounded pages", async () => {
      const names = Array.from({ length: 40 }, (_, index) => `v${10 + index}`);
      for (const name of names) await engine.commit([putOf(10, 1, name, Buffer.alloc(400_000, name))]);
      assert.deepEqual(keysOf(engine, 10, 1), names);
    });

    test("a closed engine refuses everything with a clear error", async () => {
      const other = await temporaryFolder();
      const closed = await open(other.path);
      await closed.commit([putOf(1, 1, "a", "")]);
      const open1 = closed.snapshot(partitionOf(1), generationOf(1));
      const begun = closed.range(partitionOf(1), generationOf(1));
      await closed.flush();
      await closed.close();
      await closed.close();
      const unavailable = isEkvError("UNAVAILABLE");
      assert.throws(() => closed.get(partitionOf(1), generationOf(1), Buffer.from("a")), unavailable);
      assert.throws(() => closed.getMeta("a"), unavailable);
      assert.throws(() => closed.getCounters(partitionOf(1), generationOf(1)), unavailable);
      assert.throws(() => closed.snapshot(partitionOf(1), generationOf(1)), unavailable);
      assert.throws(() => closed.listGenerations(), unavailable);
      assert.throws(() => closed.expired(1, 1), unavailable);
      assert.throws(() => begun.next(), unavailable);
      await assert.rejects(closed.commit([putOf(1, 1, "a", "")]), unavailable);
      await assert.rejects(closed.dropGeneration(partitionOf(1), generationOf(1)), unavailable);
      await assert.rejects(closed.flush(), unavailable);
      open1.close();
      await other.remove();
    });

    if (kind !== "memory") {
      test("everything is there after reopening, and what was dropped is not", async () => {
        const other = await temporaryFolder();
        const first = await open(other.path);
        await first.commit([
          putOf(1, 1, "a", "kept", 1000),
          countersOf(1, 1, "c"),
          putOf(1, 2, "a", "dropped", 500),
          countersOf(1, 2, "c"),
          { kind: "meta", name: "m", value: Buffer.from("v") },
        ]);
        await first.dropGeneration(partitionOf(1), generationOf(2));
        await first.close();
        const second = await open(other.path);
        assert.equal(valueOf(second.get(partitionOf(1), generationOf(1), Buffer.from("a"))), "kept");
        assert.equal(Buffer.from(second.getMeta("m") ?? []).toString(), "v");
        const counters = second.getCounters(partitionOf(1), generationOf(1));
        assert.equal(Buffer.from(counters ?? []).toString(), "c");
        assert.deepEqual(second.listGenerations(), [{ partition: 1, generation: 1 }]);
        assert.equal(second.get(partitionOf(1), generationOf(2), Buffer.from("a")), undefined);
        assert.deepEqual(
          second.expired(5000, 10).map(({ generation, key }) => [generation, Buffer.from(key).toString()]),
          [[1, "a"]],
        );
        await second.commit([deleteOf(1, 1, "a")]);
        assert.deepEqual(second.expired(5000, 10), []);
        await second.close();
        await other.remove();
      });

      test("a batch that fails half-way leaves nothing, and its neighbours are not harmed", async () => {
        const tooLong = Buffer.alloc(5000);
        const outcomes = await Promise.allSettled([
          engine.commit([putOf(11, 1, "before", "")]),
          engine.commit([putOf(11, 1, "half", "", 1), putOf(11, 1, tooLong, "")]),
          engine.commit([putOf(11, 1, "behind", "")]),
        ]);
        assert.deepEqual(
          outcomes.map(({ status }) => status),
          ["fulfilled", "rejected", "fulfilled"],
        );
        assert.ok(outcomes[1]?.status === "rejected" && isEkvError("INTERNAL")(outcomes[1].reason));
        assert.deepEqual(keysOf(engine, 11, 1), ["before", "behind"]);
        assert.deepEqual(engine.expired(10, 10), []);
      });
    }
  });
}

describe("memory engine with a limit", () => {
  test("refuses a batch that grows beyond it as a whole, still shrinks, then grows again", async () => {
    const engine = memoryEngine(10_000);
    await engine.commit([putOf(1, 1, "a", Buffer.alloc(8000))]);
    await assert.rejects(
      engine.commit([putOf(1, 1, "b", ""), putOf(1, 1, "c", Buffer.alloc(8000))]),
      (error: unknown) => isEkvError("RESOURCE_EXHAUSTED")(error) && /add a store/.test(String(error)),
    );
    assert.deepEqual(keysOf(engine, 1, 1), ["a"]);
    await engine.commit([deleteOf(1, 1, "a")]);
    await engine.commit([putOf(1, 1, "c", Buffer.alloc(8000))]);
    assert.deepEqual(keysOf(engine, 1, 1), ["c"]);
  });

  test("counts what a chunk of a copy adds, and what it replaces", async () => {
    const engine = memoryEngine(10_000);
    const chunk = [putOf(1, 1, "a", Buffer.alloc(4000)), putOf(1, 1, "b", Buffer.alloc(4000))];
    await engine.commit(withColumns(chunk));
    await engine.commit(withColumns(chunk));
    await assert.rejects(
      engine.commit(withColumns([...chunk, putOf(1, 1, "c", Buffer.alloc(4000))])),
      isEkvError("RESOURCE_EXHAUSTED"),
    );
    assert.deepEqual(keysOf(engine, 1, 1), ["a", "b"]);
  });
});

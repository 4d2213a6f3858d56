import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import type { StorageEngine } from "../../services/core/ports/storage-engine.js";
import { recordValueOffset } from "../../services/core/record.js";
import { openLmdbEngine } from "../../services/store/engine/lmdb.js";
import { openMemoryEngine } from "../../services/store/engine/memory.js";
import {
  deleteOf,
  engineKinds,
  generationOf,
  partitionOf,
  putOf,
  temporaryFolder,
} from "../support/engines.js";
import { HeldClock } from "../support/held-clock.js";

const valueOf = (record: Uint8Array | undefined): string | undefined =>
  record && Buffer.from(record).toString("utf8", recordValueOffset(record));

function keysOf(engine: Pick<StorageEngine, "range">, partition: number, generation: number): string[] {
  return Array.from(engine.range(partitionOf(partition), generationOf(generation)), ({ key }) =>
    Buffer.from(key).toString(),
  );
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
      const snapshot = engine.snapshot();
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
      const frozen = Array.from(snapshot.range(partitionOf(5), generationOf(1)));
      assert.equal(frozen.length, 600);
      assert.equal(valueOf(frozen.at(-1)?.record), "old");
      snapshot.close();
      snapshot.close();
      assert.throws(() => snapshot.range(partitionOf(5), generationOf(1)), isEkvError("UNAVAILABLE"));
    });

    test("a snapshot keeps what is changed and deleted after it", async () => {
      const keys = Array.from({ length: 500 }, (_, index) => `k${1000 + index}`);
      await engine.commit(keys.map((key) => putOf(14, 1, key, "old")));
      const snapshot = engine.snapshot();
      await engine.commit(keys.slice(0, 50).map((key) => putOf(14, 1, key, "new")));
      await engine.commit(keys.map((key) => deleteOf(14, 1, key)));
      assert.deepEqual(keysOf(engine, 14, 1), []);
      const frozen = Array.from(snapshot.range(partitionOf(14), generationOf(1)));
      assert.deepEqual(
        frozen.map(({ key, record }) => [Buffer.from(key).toString(), valueOf(record)]),
        keys.map((key) => [key, "old"]),
      );
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
      await engine.deleteGeneration(partitionOf(6), generationOf(1), 10);
      assert.deepEqual(expired(5000), []);
    });

    test("a generation is listed while it has data and deleted in steps, alone", async () => {
      await engine.commit([..."abcde"].map((key) => putOf(9, 4, key, "")));
      await engine.commit([putOf(9, 3, "a", ""), putOf(9, 5, "a", "")]);
      const listed = (): number[] =>
        engine
          .listGenerations()
          .filter(({ partition }) => partition === 9)
          .map(({ generation }) => generation);
      assert.deepEqual(listed(), [3, 4, 5]);
      assert.equal(await engine.deleteGeneration(partitionOf(9), generationOf(4), 3), 3);
      assert.deepEqual(keysOf(engine, 9, 4), ["d", "e"]);
      assert.equal(await engine.deleteGeneration(partitionOf(9), generationOf(4), 3), 2);
      assert.equal(await engine.deleteGeneration(partitionOf(9), generationOf(4), 3), 0);
      assert.deepEqual(listed(), [3, 5]);
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
      const open1 = closed.snapshot();
      const begun = closed.range(partitionOf(1), generationOf(1));
      await closed.flush();
      await closed.close();
      await closed.close();
      const unavailable = isEkvError("UNAVAILABLE");
      assert.throws(() => closed.get(partitionOf(1), generationOf(1), Buffer.from("a")), unavailable);
      assert.throws(() => closed.getMeta("a"), unavailable);
      assert.throws(() => closed.snapshot(), unavailable);
      assert.throws(() => closed.listGenerations(), unavailable);
      assert.throws(() => closed.expired(1, 1), unavailable);
      assert.throws(() => begun.next(), unavailable);
      await assert.rejects(closed.commit([putOf(1, 1, "a", "")]), unavailable);
      await assert.rejects(closed.deleteGeneration(partitionOf(1), generationOf(1), 1), unavailable);
      await assert.rejects(closed.flush(), unavailable);
      open1.close();
      await other.remove();
    });

    if (kind !== "memory") {
      test("data and expiry index are there after reopening", async () => {
        const other = await temporaryFolder();
        const first = await open(other.path);
        await first.commit([
          putOf(1, 1, "a", "kept", 1000),
          { kind: "meta", name: "m", value: Buffer.from("v") },
        ]);
        await first.close();
        const second = await open(other.path);
        assert.equal(valueOf(second.get(partitionOf(1), generationOf(1), Buffer.from("a"))), "kept");
        assert.equal(Buffer.from(second.getMeta("m") ?? []).toString(), "v");
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
    const engine = openMemoryEngine({ bytesMax: 10_000 });
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
});

/** As coreutils names it; they have one name for all three. */
const ext4Name = "ext2/ext3";
const fileSystem = execFileSync("stat", ["-f", "-c", "%T", tmpdir()]).toString().trim();

describe(
  "an LMDB file on ext4",
  { skip: fileSystem === ext4Name ? false : `${tmpdir()} is ${fileSystem}` },
  () => {
    test("is grown ahead of its data, which it keeps", async () => {
      const folder = await temporaryFolder();
      const clock = new HeldClock();
      const open = (): Promise<StorageEngine> =>
        openLmdbEngine({ path: folder.path, durability: "commit", clock });
      const sizeWhenSettled = async (): Promise<number> => {
        while (clock.waiting > 0) await clock.goOn(100);
        return (await stat(join(folder.path, "data.mdb"))).size;
      };
      const ahead = 16 * 1024 * 1024;
      let engine = await open();
      assert.ok((await sizeWhenSettled()) > ahead);
      const keys = Array.from({ length: 3000 }, (_, index) => String(index));
      for (const key of keys) await engine.commit([putOf(1, 1, key, Buffer.alloc(4000, key))]);
      assert.ok((await sizeWhenSettled()) > ahead + 3000 * 4000);
      await engine.commit([putOf(1, 1, "last", "")]);
      await engine.close();
      assert.equal(clock.waiting, 0, "a timer is left");
      engine = await open();
      for (const key of keys) {
        const record = engine.get(partitionOf(1), generationOf(1), Buffer.from(key));
        assert.equal(valueOf(record), Buffer.alloc(4000, key).toString());
      }
      await engine.close();
      await folder.remove();
    });
  },
);

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import type { EngineWrite, StorageEngine } from "../../services/core/ports/storage-engine.js";
import { systemClock } from "../../services/runtime/clock.js";
import type { Logger } from "../../services/runtime/log.js";
import { systemRandom } from "../../services/runtime/random.js";
import { openEngine } from "../../services/store/engine/open-engine.js";
import { requireRoom } from "../../services/store/engine/takeover/room.js";
import { settleDataSettings } from "../../services/store/folder-settings.js";
import { compiled, runNode, runServer } from "../support/children.js";
import {
  countersOf,
  generationOf,
  memoryEngine,
  partitionOf,
  putOf,
  temporaryFolder,
} from "../support/engines.js";
import { writeFormerFolder } from "../support/former-folder.js";
import { freePort } from "../support/free-ports.js";
import { mountSmallDisk, noMount, unmountSmallDisk } from "../support/small-disk.js";
import { waitFor } from "../support/wait-for.js";

const childProgram = compiled("../support/takeover-child.js");
const storeProgram = compiled("../../services/store/main.js");

/** Of everything that a folder can hold: short and long keys and values, expiries, generations with data or counters alone. */
function* formerWrites(): IterableIterator<EngineWrite> {
  for (let at = 0; at < 20_000; at += 1) {
    yield putOf(
      at % 64,
      1,
      `key ${at}`,
      `value ${at}`.repeat(1 + (at % 50)),
      at % 7 === 0 ? 1_000_000 + at : 0,
    );
  }
  for (let at = 0; at < 64; at += 1) {
    yield countersOf(at, 1, `counters ${at}`);
    yield { kind: "meta", name: `live/${at}`, value: Buffer.from(`entry ${at}`) };
  }
  yield putOf(65_535, 4_294_967_295, Buffer.alloc(1024, 0xff), Buffer.alloc(9_000_000, 7));
  yield putOf(0, 2, Buffer.of(0), "");
  yield countersOf(3, 9, "no data");
  yield { kind: "meta", name: "identity", value: Buffer.from("{}") };
  yield { kind: "meta", name: "counters", value: Buffer.from("not a generation's") };
}

const bytesOf = (bytes: Uint8Array | undefined): string =>
  bytes === undefined ? "none" : createHash("sha256").update(bytes).digest("hex");

/** Everything that an engine holds. */
function contentsOf(engine: StorageEngine): unknown {
  return {
    metas: engine.listMeta("").map(({ name, value }) => [name, bytesOf(value)]),
    generations: engine.listGenerations().map(({ partition, generation }) => ({
      partition,
      generation,
      counters: bytesOf(engine.getCounters(partition, generation)),
      entries: Array.from(engine.range(partition, generation), ({ key, record }) => [
        bytesOf(key),
        bytesOf(record),
      ]),
    })),
    expired: engine
      .expired(2_000_000, 100_000)
      .map(({ partition, generation, key }) => `${partition} ${generation} ${bytesOf(key)}`)
      .toSorted(),
  };
}

async function contentsAfter(...writes: readonly Iterable<EngineWrite>[]): Promise<unknown> {
  const engine = memoryEngine();
  for (const each of writes) for (const write of each) await engine.commit([write]);
  const contents = contentsOf(engine);
  await engine.close();
  return contents;
}

/** A logger that keeps what it is told. */
function keptLog(lines: string[]): Logger {
  const write = (message: string, fields = {}): void =>
    void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Logger = {
    debugEnabled: false,
    error: write,
    warn: write,
    info: write,
    debug: () => undefined,
    child: () => log,
  };
  return log;
}

/** Opens a folder's engine as a store does. */
async function openFolder(folder: string, lines: string[] = []): Promise<StorageEngine> {
  return await openEngine({
    settings: await settleDataSettings(folder, {}),
    memoryBytesMax: 1_073_741_824,
    folder,
    clock: systemClock,
    random: systemRandom,
    log: keptLog(lines),
  });
}

function refusedWith(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof EkvError && error.code === code && message.test(error.message);
}

describe("a folder of a former version", { timeout: 600_000 }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let former = "";
  beforeEach(async () => {
    folder = await temporaryFolder();
    former = join(folder.path, "lmdb");
  });
  afterEach(() => folder.remove());

  const settings = (): unknown => JSON.parse(readFileSync(join(folder.path, "settings.json"), "utf8"));
  const formerImage = (): string => bytesOf(readFileSync(join(former, "data.mdb")));

  async function dieAt(...step: readonly string[]): Promise<void> {
    const child = runNode(childProgram, [folder.path, ...step]);
    await child.ended;
    assert.equal(child.process.signalCode, "SIGKILL", `it did not get to ${step.join(" ")}`);
  }

  async function assertWhole(expected: unknown): Promise<void> {
    const engine = await openFolder(folder.path);
    assert.deepEqual(contentsOf(engine), expected);
    await engine.close();
    assert.deepEqual(readdirSync(folder.path).toSorted(), ["log", "settings.json"]);
  }

  test("is taken over as a whole, with its durability, and says so", async () => {
    await writeFormerFolder(former, formerWrites());
    writeFileSync(join(folder.path, "settings.json"), '{"engine":"lmdb","durability":"fsync"}');
    const lines: string[] = [];
    const engine = await openFolder(folder.path, lines);
    assert.deepEqual(contentsOf(engine), await contentsAfter(formerWrites()));
    await engine.close();
    assert.deepEqual(settings(), { format: 1, engine: "log", durability: "fsync" });
    assert.match(lines[0] ?? "", /taking over .* kept until that is done .*"bytes":\d+,"records":20133/);
    assert.match(lines.at(-1) ?? "", /is taken over .*"records":20133/);
    await assertWhole(await contentsAfter(formerWrites()));
  });

  test("is taken over by a process that goes on where others were killed, at every step", async () => {
    await writeFormerFolder(former, formerWrites());
    const image = formerImage();
    for (const step of [
      ["before-commit", "1"],
      ["after-commit", "1"],
      ["before-commit", "2"],
      ["after-commit", "2"],
      ["flushed"],
      ["recorded"],
    ]) {
      await dieAt(...step);
      assert.equal(formerImage(), image);
    }
    await dieAt("removed");
    assert.equal(existsSync(former), false);
    await assertWhole(await contentsAfter(formerWrites()));
  });

  test("is taken over by a store that is killed again and again", async () => {
    await writeFormerFolder(former, formerWrites());
    const port = await freePort();
    const args = ["--store-id", "s1", "--master", `127.0.0.1:${port}`, "--data", folder.path];
    const log = join(folder.path, "log");
    const bytesNow = (): number =>
      existsSync(log)
        ? readdirSync(log).reduce(
            (sum, name) => sum + (statSync(join(log, name), { throwIfNoEntry: false })?.size ?? 0),
            0,
          )
        : 0;
    for (let runs = 0, isDone = false; !isDone; runs += 1) {
      assert.ok(runs < 100, "it never ends");
      const before = bytesNow();
      const child = runServer(storeProgram, [...args, "--log-format", "json"]);
      isDone = await waitFor("a part of it", () => {
        const done = !existsSync(former) && child.lines.some((line) => line.includes("is taken over"));
        return done ? "done" : bytesNow() > before + 2_000_000 ? "part" : false;
      }).then((found) => found === "done");
      await child.kill();
      if (!existsSync(former)) isDone = true;
    }
    rmSync(join(folder.path, "folder.lock"));
    await assertWhole(await contentsAfter(formerWrites()));
  });

  test("is read anew when it was used by its own version in between", async () => {
    await writeFormerFolder(former, formerWrites());
    await dieAt("after-commit", "2");
    const later = [putOf(0, 1, "key 0", "later"), putOf(7, 8, "new", "later")];
    await writeFormerFolder(former, later);
    await assertWhole(await contentsAfter(formerWrites(), later));
  });

  test("that is gone before all of it was taken over is missed", async () => {
    await writeFormerFolder(former, formerWrites());
    await dieAt("after-commit", "1");
    rmSync(former, { recursive: true });
    await assert.rejects(
      openFolder(folder.path),
      refusedWith("FAILED_PRECONDITION", /not taken over as a whole, and it is gone: bring/),
    );
  });

  test("is not mixed with other data", async () => {
    const engine = await openFolder(folder.path);
    await engine.commit([putOf(1, 1, "a", "b")]);
    await engine.close();
    await writeFormerFolder(former, formerWrites());
    await assert.rejects(
      openFolder(folder.path),
      refusedWith("FAILED_PRECONDITION", /holds data too: move away the one/),
    );
    rmSync(former, { recursive: true });
    const again = await openFolder(folder.path);
    assert.ok(again.get(partitionOf(1), generationOf(1), Buffer.from("a")));
    await again.close();
  });

  test(
    "is left alone on a disk without room for it, which is said before it begins",
    { skip: noMount },
    async () => {
      mountSmallDisk(folder.path, "size=40m");
      try {
        await writeFormerFolder(former, formerWrites());
        const image = formerImage();
        await assert.rejects(
          openFolder(folder.path),
          refusedWith(
            "RESOURCE_EXHAUSTED",
            /needs \d+ MiB, and \d+ MiB are free: free some .* old files are as/,
          ),
        );
        assert.equal(formerImage(), image);
      } finally {
        unmountSmallDisk(folder.path);
      }
    },
  );
});

test("settings that a newer version recorded are refused by name", async () => {
  const folder = await temporaryFolder();
  const path = join(folder.path, "s1");
  mkdirSync(path);
  writeFileSync(join(path, "settings.json"), '{"format":2,"engine":"tree","durability":"commit"}');
  await assert.rejects(
    settleDataSettings(path, {}),
    refusedWith(
      "FAILED_PRECONDITION",
      /settings.json has format 2; this version of Elastic-KV knows up to 1: start/,
    ),
  );
  await folder.remove();
});

test("more data than a log can hold is refused by its size, with what to do", async () => {
  const folder = await temporaryFolder();
  const data = { bytes: 20 * 2 ** 30, records: 1000, logPath: folder.path, diskReserveBytes: 0 };
  assert.throws(
    () => requireRoom(data),
    refusedWith("RESOURCE_EXHAUSTED", /is 21 GiB, and .* can take over 15 GiB at most: start the former/),
  );
  await folder.remove();
});

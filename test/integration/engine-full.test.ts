import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import type { StorageEngine } from "../../services/core/ports/storage-engine.js";
import { systemClock } from "../../services/runtime/clock.js";
import { systemRandom } from "../../services/runtime/random.js";
import { decideDiskSizes } from "../../services/store/engine/disk-sizes.js";
import { openDiskLog } from "../../services/store/engine/log/disk-log.js";
import { diskBytes } from "../../services/runtime/storage-error.js";
import { compiled, runNode } from "../support/children.js";
import { deleteOf, generationOf, partitionOf, putOf, temporaryFolder } from "../support/engines.js";
import { mountSmallDisk, noMount, unmountSmallDisk } from "../support/small-disk.js";
import { waitFor } from "../support/wait-for.js";

const durabilities = ["commit", "fsync"] as const;

/** Switches the check for free space off. */
const noReserve = String(-(2 ** 40));

const isFull = (error: unknown): boolean =>
  error instanceof EkvError &&
  error.code === "RESOURCE_EXHAUSTED" &&
  error.notExecuted &&
  /no space left .* add a store/.test(error.message);

/** As a store does. */
function openOn(path: string, durability: "commit" | "fsync"): Promise<StorageEngine> {
  const sizes = decideDiskSizes(diskBytes(dirname(path)));
  return openDiskLog({ ...sizes, path, durability, clock: systemClock, random: systemRandom });
}

function countOf(engine: StorageEngine): number {
  return Array.from(engine.range(partitionOf(1), generationOf(1))).length;
}

/** Puts of 100 kB until one is refused; how many were acknowledged. */
async function fill(engine: StorageEngine, name: string): Promise<number> {
  for (let count = 0; ; count += 1) {
    try {
      await engine.commit([
        putOf(1, 1, `${name}${1000 + count}`, Buffer.alloc(100_000)),
        { kind: "meta", name: "acknowledged", value: Buffer.from(String(count)) },
      ]);
    } catch (error) {
      assert.ok(isFull(error), String(error));
      return count;
    }
  }
}

/** As {@link fill}, until so many fit: what was deleted makes room as the log is cleaned, in the background. */
async function fillAgain(engine: StorageEngine, name: string, least: number): Promise<number> {
  let count = 0;
  await waitFor(
    `room for ${least} puts`,
    async () => {
      count += await fill(engine, `${name}${count}-`);
      return count >= least;
    },
    60_000,
  );
  return count;
}

describe("an engine whose disk is full", { skip: noMount }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder();
    mountSmallDisk(folder.path, "size=24m");
  });
  afterEach(async () => {
    unmountSmallDisk(folder.path);
    await folder.remove();
  });

  for (const durability of durabilities) {
    test(`${durability}: refuses puts, loses nothing, reads and deletes, takes puts when there is room`, async () => {
      const path = join(folder.path, "data");
      let engine = await openOn(path, durability);
      const acknowledged = await fill(engine, "a");
      assert.ok(acknowledged > 100);
      assert.equal(countOf(engine), acknowledged);
      assert.equal(Buffer.from(engine.getMeta("acknowledged") ?? []).toString(), String(acknowledged - 1));
      // The store's own state can be changed still: moves away from here need it.
      await engine.commit([{ kind: "meta", name: "state", value: Buffer.from("moving") }]);
      await engine.close();

      engine = await openOn(path, durability);
      assert.equal(countOf(engine), acknowledged);
      await assert.rejects(engine.commit([putOf(1, 1, "b", Buffer.alloc(1_000_000))]), isFull);
      for (let count = 0; count < 80; count += 1) await engine.commit([deleteOf(1, 1, `a${1000 + count}`)]);
      const again = await fillAgain(engine, "b", 30);
      assert.equal(countOf(engine), acknowledged - 80 + again);
      await engine.dropGeneration(partitionOf(1), generationOf(1));
      assert.equal(countOf(engine), 0);
      await fillAgain(engine, "c", 100);
      await engine.flush();
      await engine.close();
    });

    test(`${durability}: takes overwrites for ever where the live data leaves half of the disk`, async () => {
      const engine = await openDiskLog({
        path: join(folder.path, "data"),
        durability,
        clock: systemClock,
        random: systemRandom,
        segmentBytes: 393_216,
        slackBytes: 1_572_864,
        diskReserveBytes: 3_145_728,
      });
      for (let count = 0; count < 600; count += 1) {
        await engine.commit([putOf(1, 1, `k${1000 + (count % 80)}`, Buffer.alloc(100_000, count))]);
        await new Promise(setImmediate);
      }
      assert.equal(countOf(engine), 80);
      await engine.close();
    });

    test(`${durability}: a disk that others filled is refused and used again when they make room`, async () => {
      const engine = await openOn(join(folder.path, "data"), durability);
      await engine.commit([putOf(1, 1, "before", "x")]);
      await writeFile(join(folder.path, "filler"), Buffer.alloc(22_000_000));
      await assert.rejects(engine.commit([putOf(1, 1, "during", Buffer.alloc(1_000_000))]), isFull);
      assert.equal(countOf(engine), 1);
      await rm(join(folder.path, "filler"));
      await engine.commit([putOf(1, 1, "after", Buffer.alloc(1_000_000))]);
      assert.equal(countOf(engine), 2);
      await engine.close();
    });

    test(`${durability}: a write that meets the end of the disk after all loses nothing acknowledged`, async () => {
      const path = join(folder.path, "data");
      const child = runNode(compiled("../support/commit-child.js"), [path, durability, "20", noReserve]);
      await child.ended;
      const acknowledged = child.lines.filter((line) => line.startsWith("acked ")).length;
      const failure = child.lines.find((line) => line.startsWith("failed "));
      assert.match(failure ?? "it ended without a word", /no space left/);
      assert.ok(acknowledged > 100);
      const engine = await openOn(path, durability);
      assert.equal(countOf(engine), acknowledged * 20);
      await engine.close();
    });
  }
});

describe("an engine whose process is killed while it commits", () => {
  for (const durability of durabilities) {
    test(`${durability}: has every acknowledged batch, each as a whole, with its expiry index`, async () => {
      const folder = await temporaryFolder();
      const child = runNode(compiled("../support/commit-child.js"), [folder.path, durability, "7"]);
      await child.line("acked 100");
      await child.kill();
      const acknowledged = child.lines.filter((line) => line.startsWith("acked ")).length;
      const engine = await openOn(folder.path, durability);
      const count = countOf(engine);
      assert.equal(count % 7, 0, "half a batch");
      assert.ok(count / 7 >= acknowledged, `${count / 7} batches of ${acknowledged} acknowledged`);
      assert.equal(engine.expired(2_000_000, 1_000_000).length, count / 7);
      await engine.close();
      await folder.remove();
    });
  }
});

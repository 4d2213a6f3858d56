import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { SmallFolios } from "../../services/store/engine/small-folios.js";
import { temporaryFolder } from "../support/engines.js";
import { HeldClock } from "../support/held-clock.js";

const mebibyte = 1024 * 1024;
const ahead = 16 * mebibyte;
const piece = mebibyte;

describe("a data file that is grown ahead of LMDB", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let file: string;
  let clock: HeldClock;
  let used: number;
  let folios: SmallFolios;
  beforeEach(async () => {
    folder = await temporaryFolder();
    file = join(folder.path, "data.mdb");
    clock = new HeldClock();
  });
  afterEach(async () => {
    folios.close();
    await folder.remove();
  });

  function open(content: Buffer, usedBytes = content.length): void {
    writeFileSync(file, content);
    used = usedBytes;
    folios = new SmallFolios({ path: folder.path, clock, usedBytes: () => used });
  }

  /** Lets the clock go on until nothing more is asked of it. */
  async function settle(): Promise<number> {
    let steps = 0;
    for (; clock.waiting > 0; steps += 1) await clock.goOn(5);
    return steps;
  }

  test("gets a tail that takes no room, a piece at a time, and keeps what is in it", async () => {
    const content = Buffer.alloc(3 * 4096, 7);
    open(content);
    await clock.goOn(5);
    assert.equal(statSync(file).size, content.length + piece);
    await settle();
    const { size, blocks } = statSync(file);
    assert.equal(size, content.length + ahead);
    assert.ok(blocks * 512 < mebibyte, `${blocks} blocks`);
    const found = readFileSync(file);
    assert.ok(found.subarray(0, content.length).equals(content));
    assert.ok(found.subarray(content.length).every((byte) => byte === 0));
  });

  test("is not cut where it is longer already", async () => {
    const content = Buffer.alloc(20 * mebibyte, 7);
    open(content, 4096);
    await settle();
    assert.ok(readFileSync(file).equals(content));
  });

  test("goes on behind what LMDB used meanwhile, when a commit says so", async () => {
    open(Buffer.alloc(4096));
    await settle();
    const settled = statSync(file).size;
    used += 7 * mebibyte;
    folios.committed();
    assert.equal(await settle(), 1);
    assert.equal(statSync(file).size, settled, "half of it is left");
    used += 2 * mebibyte;
    assert.equal(clock.waiting, 0, "looks without a commit");
    folios.committed();
    folios.committed();
    assert.equal(clock.waiting, 1);
    assert.ok((await settle()) > (8 * mebibyte) / piece);
    assert.ok(statSync(file).size >= used + ahead);
    // Overtaken altogether: what was used is left alone.
    used += 100 * mebibyte;
    folios.committed();
    await clock.goOn(100);
    assert.ok(statSync(file).size > used);
    assert.ok((await settle()) <= ahead / piece + 1);
  });

  test("asks for nothing more once closed, nor after the file system refused", async () => {
    open(Buffer.alloc(4096));
    folios.close();
    folios.committed();
    assert.equal(clock.waiting, 0);
    open(Buffer.alloc(4096), 2 ** 52);
    await settle();
    folios.committed();
    assert.equal(clock.waiting, 0);
    assert.equal(statSync(file).size, 4096);
  });
});

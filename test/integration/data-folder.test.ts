import assert from "node:assert/strict";
import { mkdir, readFile, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { systemClock } from "../../services/runtime/clock.js";
import { lockFileName } from "../../services/runtime/folder-lock.js";
import { clearDataFolder, type DataFolder, openDataFolder } from "../../services/store/data-folder.js";
import { temporaryFolder } from "../support/engines.js";

describe("a store's data folder", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let open: DataFolder[];
  beforeEach(async () => {
    folder = await temporaryFolder();
    open = [];
  });
  afterEach(async () => {
    for (const { lock } of open) await lock.release();
    await folder.remove();
  });

  async function take(name = "s-#"): Promise<DataFolder> {
    const root = name.includes("#") ? folder.path : join(folder.path, name);
    const taken = await openDataFolder({ name, root, clock: systemClock, onLost: () => undefined });
    open.push(taken);
    return taken;
  }

  async function fill(taken: DataFolder): Promise<void> {
    await writeFile(join(taken.path, "data"), "x");
  }

  /** As if another host, whose lock is not seen, used a folder, and had shown this long ago that it lives. */
  async function pretendOtherHost({ path, lock }: DataFolder, agoMs: number): Promise<void> {
    const file = join(path, lockFileName);
    const holder = JSON.parse(await readFile(file, "utf8")) as object;
    await lock.release();
    await writeFile(file, JSON.stringify({ ...holder, host: "another", bootId: "another" }));
    const at = new Date(systemClock.wallMs() - agoMs);
    await utimes(file, at, at);
  }

  it("is the one given, for a plain name", async () => {
    const taken = await take("s7");
    assert.deepEqual([taken.storeId, taken.path], ["s7", join(folder.path, "s7")]);
  });

  it("is the first free one of a pattern, for several that start at once", async () => {
    const taken = await Promise.all([take(), take(), take()]);
    assert.deepEqual(taken.map(({ storeId }) => storeId).sort(), ["s-1", "s-2", "s-3"]);
  });

  it("is one that holds data before one that does not", async () => {
    const [first, second] = [await take(), await take()];
    await fill(second);
    await first.lock.release();
    await second.lock.release();
    assert.equal((await take()).storeId, "s-2");
    assert.equal((await take()).storeId, "s-1");
  });

  it("is new while running processes have all others", async () => {
    const first = await take();
    await fill(first);
    await pretendOtherHost(first, -1000);
    assert.equal((await take()).storeId, "s-2");
  });

  it("is that of a process on another host that was killed just now, once that is certain", async () => {
    const first = await take();
    await fill(first);
    await pretendOtherHost(first, 14_500);
    assert.equal((await take()).storeId, "s-1");
  });

  it("is as new after it was cleared, and other folders are left alone", async () => {
    await mkdir(join(folder.path, "s-x"));
    const first = await take();
    await fill(first);
    await clearDataFolder(first);
    await first.lock.release();
    const second = await take();
    assert.equal(second.storeId, "s-1");
    assert.deepEqual(
      (await readdir(second.path)).filter((file) => file !== lockFileName),
      [],
    );
  });
});

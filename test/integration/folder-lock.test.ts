import assert from "node:assert/strict";
import { readFile, readdir, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import { lockFolder } from "../../services/runtime/folder-lock.js";
import { type Child, compiled, runNode } from "../support/children.js";
import { temporaryFolder } from "../support/engines.js";

const inUse = (pattern: RegExp) => (error: unknown) =>
  error instanceof EkvError && error.code === "FAILED_PRECONDITION" && pattern.test(error.message);

describe("the lock of a data folder", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let children: Child[] = [];
  const startLocker = (): Child => {
    const child = runNode(compiled("./lock-child.js"), [folder.path]);
    children.push(child);
    return child;
  };
  beforeEach(async () => {
    folder = await temporaryFolder();
    children = [];
  });
  afterEach(async () => {
    for (const child of children) await child.kill();
    await folder.remove();
  });

  test("refuses a second user, naming the first and what to do, until it is released", async () => {
    const lock = await lockFolder(join(folder.path, "new"), { role: "store s1" });
    await assert.rejects(
      lockFolder(join(folder.path, "new"), { role: "store s2" }),
      inUse(new RegExp(`store s1 .*pid ${process.pid}: stop that process`)),
    );
    await lock.release();
    await lock.release();
    const next = await lockFolder(join(folder.path, "new"), { role: "store s2" });
    await next.release();
  });

  test("refuses another process and recovers at once when it is killed", async () => {
    const child = startLocker();
    await child.line("locked");
    await assert.rejects(
      lockFolder(folder.path, { role: "me" }),
      inUse(new RegExp(`pid ${child.process.pid}`)),
    );
    await child.kill();
    const lock = await lockFolder(folder.path, { role: "me" });
    await lock.release();
  });

  test("of several processes that find the same stale lock one gets it", async () => {
    const first = startLocker();
    await first.line("locked");
    await first.kill();
    const racers = Array.from({ length: 4 }, startLocker);
    await Promise.all(racers.map((racer) => Promise.race([racer.line("locked"), racer.ended])));
    await Promise.all(racers.map((racer) => Promise.race([racer.line("refused"), racer.line("locked")])));
    assert.equal(racers.filter((racer) => racer.lines.includes("locked")).length, 1);
  });

  test("of many starters in one process one gets a stale lock", async () => {
    await writeFile(join(folder.path, "lock-3"), JSON.stringify({ ...(await ownLock()), pid: 2 ** 30 }));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, () => lockFolder(folder.path, { role: "racer" })),
    );
    const won = outcomes.filter((outcome) => outcome.status === "fulfilled");
    assert.equal(won.length, 1);
    assert.deepEqual(await readdir(folder.path), ["lock-4"]);
    await won[0]?.value.release();
  });

  test("a pid that another process has by now does not hold it", async () => {
    await writeFile(
      join(folder.path, "lock-1"),
      JSON.stringify({ ...(await ownLock()), startTime: "1", role: "gone" }),
    );
    await (await lockFolder(folder.path, { role: "me" })).release();
  });

  test("a holder from before the last boot does not hold it", async () => {
    await writeFile(join(folder.path, "lock-1"), JSON.stringify({ ...(await ownLock()), bootId: "earlier" }));
    await (await lockFolder(folder.path, { role: "me" })).release();
  });

  test("a holder on another host holds it until it has been silent for 15 s", async () => {
    const path = join(folder.path, "lock-1");
    await writeFile(path, JSON.stringify({ ...(await ownLock()), host: `not-${hostname()}` }));
    const ago = (seconds: number): Promise<void> =>
      utimes(path, new Date(), new Date(Date.now() - seconds * 1000));
    await ago(14);
    await assert.rejects(lockFolder(folder.path, { role: "me" }), inUse(/on host not-.*try again in 15 s/));
    await ago(16);
    await (await lockFolder(folder.path, { role: "me" })).release();
  });

  /** What a lock file of this very process says. */
  async function ownLock(): Promise<Record<string, unknown>> {
    const other = await temporaryFolder();
    const lock = await lockFolder(other.path, { role: "sample" });
    const content: unknown = JSON.parse(await readFile(join(other.path, "lock-1"), "utf8"));
    await lock.release();
    await other.remove();
    return content as Record<string, unknown>;
  }
});

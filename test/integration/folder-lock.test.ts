import assert from "node:assert/strict";
import { readFile, readdir, truncate, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import { lockFileName, lockFolder } from "../../services/runtime/folder-lock.js";
import { type Child, compiled, runNode } from "../support/children.js";
import { temporaryFolder } from "../support/engines.js";
import { waitFor } from "../support/wait-for.js";
import { noPidNamespace, runInPidNamespace } from "../support/pid-namespace.js";

const inUse = (pattern: RegExp) => (error: unknown) =>
  error instanceof EkvError && error.code === "FAILED_PRECONDITION" && pattern.test(error.message);

function isStillInUse(error: unknown): false {
  assert.ok(inUse(/in use/)(error));
  return false;
}

describe("the lock of a data folder", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let path: string;
  let children: Child[] = [];
  const remember = (child: Child): Child => {
    children.push(child);
    return child;
  };
  const startLocker = (): Child => remember(runNode(compiled("../support/lock-child.js"), [folder.path]));
  const startContainer = (): Child =>
    remember(runInPidNamespace(compiled("../support/lock-child.js"), [folder.path]));
  const lockAndRelease = async (): Promise<void> => {
    const lock = await lockFolder(folder.path, { role: "me" });
    await lock.release();
  };
  beforeEach(async () => {
    folder = await temporaryFolder();
    path = join(folder.path, lockFileName);
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
    await lockAndRelease();
  });

  test("is held by a process that stands still", async () => {
    const child = startLocker();
    await child.line("locked");
    child.process.kill("SIGSTOP");
    // It gives no sign of life; the file looks as it would after a minute.
    await utimes(path, new Date(), new Date(Date.now() - 60_000));
    await assert.rejects(lockFolder(folder.path, { role: "me" }), inUse(/a test child uses it already/));
    await child.kill();
    await lockAndRelease();
  });

  test("of several processes that find the lock of a dead one, one gets it", async () => {
    const first = startLocker();
    await first.line("locked");
    await first.kill();
    const racers = Array.from({ length: 4 }, startLocker);
    await Promise.all(racers.map((racer) => Promise.race([racer.line("locked"), racer.line("refused")])));
    assert.equal(racers.filter((racer) => racer.lines.includes("locked")).length, 1);
  });

  test("of many starters in one process one gets it", async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, () => lockFolder(folder.path, { role: "racer" })),
    );
    const won = outcomes.filter((outcome) => outcome.status === "fulfilled");
    assert.equal(won.length, 1);
    assert.deepEqual(await readdir(folder.path), [lockFileName]);
    await won[0]?.value.release();
  });

  describe(
    "between two containers of one host name, each with pids of its own",
    { skip: noPidNamespace },
    () => {
      test("is held by the first, until that is killed", async () => {
        const first = startContainer();
        await first.line("locked");
        const second = startContainer();
        assert.match(
          await second.line("refused"),
          /a test child uses it already, with pid 1 in another container/,
        );
        await first.kill();
        // The end of `unshare` is seen a moment before that of the process in it.
        await waitFor("the lock to end", () => lockAndRelease().then(() => true, isStillInUse), 60_000);
      });

      test("is held by one process outside of containers", async () => {
        const lock = await lockFolder(folder.path, { role: "me" });
        const child = startContainer();
        assert.match(await child.line("refused"), /me uses it already/);
        await lock.release();
      });
    },
  );

  describe("after a power loss", () => {
    /** A file as a killed holder left it, of this boot or, with other content, of an earlier one. */
    const leave = async (change: (holder: Record<string, unknown>) => object): Promise<void> => {
      const child = startLocker();
      await child.line("locked");
      await child.kill();
      const holder = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
      await writeFile(path, JSON.stringify(change(holder)).padEnd(1024));
    };
    const states: readonly [string, () => Promise<void>][] = [
      ["missing", async () => {}],
      ["empty", () => writeFile(path, "")],
      ["filled with zeros", () => writeFile(path, Buffer.alloc(1024))],
      ["garbage", () => writeFile(path, Buffer.alloc(1024, "\u0000ÿ{"))],
      ["of an unknown kind", () => writeFile(path, '{"holder":1}')],
      ["torn", () => leave((holder) => holder).then(() => truncate(path, 20))],
      ["that of the dead process", () => leave((holder) => holder)],
      [
        "that of the last boot",
        async () => {
          await leave((holder) => ({ ...holder, bootId: "earlier", host: "renamed" }));
          await utimes(path, new Date(), new Date(Date.now() - 16_000));
        },
      ],
    ];
    for (const [state, make] of states) {
      test(`is free at once, the file being ${state}`, async () => {
        await make();
        await lockAndRelease();
        const child = startLocker();
        await child.line("locked");
      });
    }
  });

  test("a holder on another host, whose lock is not seen, holds it until it has been silent for 15 s", async () => {
    const lock = await lockFolder(folder.path, { role: "store s1" });
    const holder = JSON.parse(await readFile(path, "utf8")) as object;
    await lock.release();
    const pretend = async (agoMs: number): Promise<void> => {
      await writeFile(path, JSON.stringify({ ...holder, bootId: "other", host: `not-${hostname()}` }));
      await utimes(path, new Date(), new Date(Date.now() - agoMs));
    };
    await pretend(1000);
    await assert.rejects(lockFolder(folder.path, { role: "me" }), inUse(/on host not-.*try again in 15 s/));
    await pretend(16_000);
    await lockAndRelease();
  });

  test("tells its holder when another host has taken the folder over", async () => {
    let lost = false;
    const onLost = (): void => {
      lost = true;
    };
    const lock = await lockFolder(folder.path, { role: "store s1", onLost });
    const holder = JSON.parse(await readFile(path, "utf8")) as object;
    await writeFile(path, JSON.stringify({ ...holder, token: "another" }));
    await waitFor("the news", () => lost, 60_000);
    await lock.release();
    assert.match(await readFile(path, "utf8"), /"token":"another"/);
  });
});

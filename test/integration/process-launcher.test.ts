import assert from "node:assert/strict";
import { existsSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import { type StoreId, brandAs } from "../../services/core/ids.js";
import type { Launcher } from "../../services/core/ports/launcher.js";
import { createNoLauncher } from "../../services/master/launchers/none.js";
import { openProcessLauncher } from "../../services/master/launchers/process.js";
import { systemClock } from "../../services/runtime/clock.js";
import { systemRandom } from "../../services/runtime/random.js";
import { isRunning } from "../../services/runtime/process-identity.js";
import { compiled, until } from "../support/children.js";
import { fillDisk, mountSmallDisk, noMount, unmountSmallDisk } from "../support/small-disk.js";
import { temporaryFolder } from "../support/engines.js";
import { freePort } from "../support/free-ports.js";

const s1 = brandAs<StoreId>("s1");
const s2 = brandAs<StoreId>("s2");
const refused = (pattern: RegExp) => (error: unknown) =>
  error instanceof EkvError && error.code === "FAILED_PRECONDITION" && pattern.test(error.message);

/** Makes the store that listens there end with a status. */
function tellToExit(port: number, status: number): void {
  const socket = connect(port, "127.0.0.1", () => socket.write(String(status)));
  socket.on("error", () => undefined);
}

describe("the process launcher", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let ports: Map<StoreId, number>;
  let warnings: string[];
  let launchers: Launcher[];
  beforeEach(async () => {
    folder = await temporaryFolder();
    ports = new Map([
      [s1, await freePort()],
      [s2, await freePort()],
    ]);
    warnings = [];
    launchers = [];
  });
  afterEach(async () => {
    for (const launcher of launchers) await launcher.close({ stopStores: true });
    // Also what a launcher under test had lost sight of.
    await (await openLauncher()).close({ stopStores: true });
    await folder.remove();
  });

  async function openLauncher(extraArgs: readonly string[] = []): Promise<Launcher> {
    const launcher = await openProcessLauncher({
      entry: compiled("../support/store-child.js"),
      masterAddress: "127.0.0.1:7000",
      dataRoot: folder.path,
      host: "127.0.0.1",
      portFor: (storeId) => ports.get(storeId) ?? 0,
      extraArgs,
      clock: systemClock,
      random: systemRandom,
      log: { info: () => undefined, warn: (message) => warnings.push(message) },
    });
    launchers.push(launcher);
    return launcher;
  }

  async function pidOf(launcher: Launcher, storeId: StoreId): Promise<number | undefined> {
    const found = (await launcher.list()).find((store) => store.storeId === storeId);
    return found?.running ? Number(/\d+/.exec(found.handle)?.[0]) : undefined;
  }

  async function recordedPort(storeId: StoreId): Promise<number> {
    const text = await readFile(join(folder.path, storeId, "process.json"), "utf8");
    return (JSON.parse(text) as { readonly port: number }).port;
  }

  async function restarted(launcher: Launcher, former: number | undefined): Promise<number> {
    let pid: number | undefined;
    await until("another process", async () => {
      pid = await pidOf(launcher, s1);
      return pid !== undefined && pid !== former;
    });
    return pid ?? 0;
  }

  test("starts a store with its flags and log, finds it running, stops and forgets it", async () => {
    const launcher = await openLauncher();
    const store = await launcher.launch(s1);
    assert.equal(store.running, true);
    assert.deepEqual(await launcher.launch(s1), store);
    const log = join(folder.path, "s1.log");
    await until("the store's log", async () =>
      (await readFile(log, "utf8")).includes(`store s1 of 127.0.0.1:7000 with ${join(folder.path, "s1")}`),
    );
    const pid = (await pidOf(launcher, s1)) ?? 0;
    await launcher.remove(s1, false);
    assert.equal(isRunning(pid, undefined), false);
    assert.deepEqual(await launcher.list(), []);
    assert.equal(existsSync(join(folder.path, "s1")), true);
    await launcher.remove(s1, true);
    assert.equal(existsSync(join(folder.path, "s1")), false);
    await launcher.remove(s2, true);
  });

  test("a store that exits at once is refused with the end of its log, and leaves nothing behind", async () => {
    const launcher = await openLauncher(["--mode", "fail"]);
    await assert.rejects(
      launcher.launch(s1),
      refused(/exited at once with status 3.*the flag --mode is wrong/),
    );
    assert.deepEqual(await launcher.list(), []);
    assert.equal(existsSync(join(folder.path, "s1")), false);
  });

  test("a store whose port is in use takes the next one that is free, and keeps it", async () => {
    const port = ports.get(s1) ?? 0;
    // The next port is another store's, so it is left to that.
    ports.set(s2, port + 1);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
    const launcher = await openLauncher();
    await launcher.launch(s2);
    await launcher.launch(s1);
    const taken = await recordedPort(s1);
    assert.ok(taken > port + 1, `${taken}`);
    await new Promise((resolve) => other.close(resolve));
    const first = (await pidOf(launcher, s1)) ?? 0;
    process.kill(first, "SIGKILL");
    await restarted(launcher, first);
    assert.equal(await recordedPort(s1), taken);
    await launcher.close({ stopStores: true });
    const next = await openLauncher();
    await next.launch(s1);
    assert.equal(await recordedPort(s1), taken, "another master finds it too");
  });

  test("a store that may have any port keeps the one it got", async () => {
    ports.set(s1, 0);
    const launcher = await openLauncher();
    await launcher.launch(s1);
    const taken = await recordedPort(s1);
    const first = (await pidOf(launcher, s1)) ?? 0;
    process.kill(first, "SIGKILL");
    await restarted(launcher, first);
    assert.equal(await recordedPort(s1), taken);
  });

  test("a store whose folder is a link is found by the next master", async () => {
    const launcher = await openLauncher();
    await launcher.launch(s1);
    const pid = await pidOf(launcher, s1);
    await launcher.close({ stopStores: false });
    renameSync(join(folder.path, "s1"), join(folder.path, "elsewhere"));
    symlinkSync(join(folder.path, "elsewhere"), join(folder.path, "s1"));
    const next = await openLauncher();
    assert.equal(await pidOf(next, s1), pid);
  });

  test("a killed store is started again", async () => {
    const launcher = await openLauncher();
    await launcher.launch(s1);
    const first = (await pidOf(launcher, s1)) ?? 0;
    process.kill(first, "SIGKILL");
    const second = await restarted(launcher, first);
    process.kill(second, "SIGKILL");
    await restarted(launcher, second);
    assert.equal(warnings.length, 2);
  });

  test("a store that ends with status 0 stays down until it is launched", async () => {
    const launcher = await openLauncher();
    await launcher.launch(s1);
    tellToExit(ports.get(s1) ?? 0, 0);
    await until("the stop", async () => (await launcher.list())[0]?.handle === "stopped");
    await launcher.close({ stopStores: false });
    const next = await openLauncher();
    assert.deepEqual(await next.list(), [{ storeId: s1, running: false, handle: "stopped" }]);
    assert.equal((await next.launch(s1)).running, true);
    assert.deepEqual(warnings, []);
  });

  test("stores survive the launcher; the next one adopts and watches them", async () => {
    const first = await openLauncher();
    await first.launch(s1);
    await first.launch(s2);
    const pid = await pidOf(first, s1);
    await first.close({ stopStores: false });
    const next = await openLauncher();
    assert.equal(await pidOf(next, s1), pid);
    assert.equal((await next.launch(s1)).handle, `pid ${pid}`);
    process.kill(pid ?? 0, "SIGKILL");
    await restarted(next, pid);
    await next.close({ stopStores: true });
    const last = await openLauncher();
    assert.deepEqual((await last.list()).map(({ storeId, running }) => [storeId, running]).toSorted(), [
      [s1, false],
      [s2, false],
    ]);
  });

  test("a store that died while no launcher watched is started again by the next", async () => {
    const first = await openLauncher();
    await first.launch(s1);
    const pid = (await pidOf(first, s1)) ?? 0;
    await first.close({ stopStores: false });
    process.kill(pid, "SIGKILL");
    await until("its end", () => !isRunning(pid, undefined));
    await restarted(await openLauncher(), pid);
  });

  test(
    "a full disk keeps no store down; records are written as soon as there is room",
    { skip: noMount },
    async () => {
      mountSmallDisk(folder.path, "size=1m");
      try {
        const launcher = await openLauncher();
        await launcher.launch(s1);
        const first = (await pidOf(launcher, s1)) ?? 0;
        const ballast = join(folder.path, "ballast");
        fillDisk(ballast);
        process.kill(first, "SIGKILL");
        const second = await restarted(launcher, first);
        const recorded = async (storeId: StoreId): Promise<unknown> =>
          (JSON.parse(await readFile(join(folder.path, storeId, "process.json"), "utf8")) as { pid: unknown })
            .pid;
        await until("the new record in the old one's place", async () => (await recorded(s1)) === second);
        assert.deepEqual(launcher.problems?.(), []);
        const { handle } = await launcher.launch(s2);
        assert.match(launcher.problems?.().join() ?? "", /^the process of s2 is not recorded, .*ENOSPC/);
        rmSync(ballast);
        await until("the record of s2", () => launcher.problems?.().length === 0, 60_000);
        assert.equal(`pid ${String(await recorded(s2))}`, handle);
        await launcher.close({ stopStores: true });
      } finally {
        unmountSmallDisk(folder.path);
      }
    },
  );

  test("a store that ignores SIGTERM is killed after 10 s", { timeout: 240_000 }, async () => {
    const launcher = await openLauncher(["--mode", "stubborn"]);
    await launcher.launch(s1);
    const pid = (await pidOf(launcher, s1)) ?? 0;
    await launcher.remove(s1, true);
    assert.equal(isRunning(pid, undefined), false);
  });
});

test("without a launcher, launch says how to start a store by hand", async () => {
  const launcher = createNoLauncher({ masterAddress: "10.0.0.1:7000" });
  await assert.rejects(
    launcher.launch(s1),
    refused(/main\.js --store-id s1 --master 10\.0\.0\.1:7000 --data/),
  );
  await launcher.remove(s1, true);
  assert.deepEqual(await launcher.list(), []);
  await launcher.close({ stopStores: true });
});

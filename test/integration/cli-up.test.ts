import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { masterArguments } from "../../cli/up.js";
import { openDataFolder } from "../../cli/up/data-folder.js";
import { superviseMaster, type SupervisedMaster } from "../../cli/up/master-process.js";
import { stopProcess, type ProcessIdentity } from "../../cli/up/process-end.js";
import { waitFor } from "../support/wait-for.js";
import { lockFileName } from "../../services/runtime/folder-lock.js";
import { isRunning, processStartTime } from "../../services/runtime/process-identity.js";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "ekv-up-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A master that is a few lines of JavaScript. */
async function supervise(
  folder: string,
  code: string,
): Promise<{ master: SupervisedMaster; starts: ProcessIdentity[]; notes: string[] }> {
  const script = join(folder, "master.mjs");
  await writeFile(script, code);
  const starts: ProcessIdentity[] = [];
  const notes: string[] = [];
  const master = superviseMaster({
    script,
    args: () => [String(starts.length)],
    environment: process.env,
    logPath: join(folder, "master.log"),
    onStart: (identity) => {
      starts.push(identity);
      return Promise.resolve();
    },
    onRestart: (text) => notes.push(text),
  });
  return { master, starts, notes };
}

test("a master that dies is started again, with a note; stop ends it", async () => {
  await inFolder(async (folder) => {
    const { master, starts, notes } = await supervise(
      folder,
      "if (process.argv[2] === '0') process.exit(7); setInterval(() => {}, 1000);",
    );
    await waitFor("the master to be started", () => starts.length === 2);
    assert.match(notes[0] ?? "", /exit status 7/);
    await master.stop();
    await master.ended;
    assert.ok(starts.every(({ pid, startTime }) => !isRunning(pid, startTime)));
    assert.equal(starts.length, 2);
  });
});

test("a master killed by a signal is started again, with its log kept", async () => {
  await inFolder(async (folder) => {
    const { master, starts, notes } = await supervise(
      folder,
      "console.log('run', process.argv[2]); setInterval(() => {}, 1000);",
    );
    const log = join(folder, "master.log");
    await waitFor(
      "the master to be started",
      async () => starts.length === 1 && (await readFile(log, "utf8")).includes("run 0"),
    );
    process.kill(starts[0]?.pid ?? 0, "SIGKILL");
    await waitFor("the master to be started", async () => (await readFile(log, "utf8")).includes("run 1"));
    assert.match(notes[0] ?? "", /signal SIGKILL/);
    await master.stop();
    assert.equal(await readFile(log, "utf8"), "run 0\nrun 1\n");
  });
});

test("a master that refuses is not started again; its own words are the error", async () => {
  await inFolder(async (folder) => {
    const { master, starts } = await supervise(
      folder,
      "console.log('{\"message\":\"starting\"}'); console.error('error: partitions: give a power of two'); process.exit(2);",
    );
    await assert.rejects(master.ended, {
      code: "INVALID_ARGUMENT",
      message: "partitions: give a power of two",
    });
    assert.equal(starts.length, 1);
  });
});

test("a process that does not heed SIGTERM is killed when its time is up", async () => {
  const child = spawn(process.execPath, [
    "-e",
    "process.on('SIGTERM', () => {}); console.log('ready'); setInterval(() => {}, 1000);",
  ]);
  await once(child.stdout, "data");
  const pid = child.pid ?? 0;
  const identity = { pid, startTime: processStartTime(pid) };
  assert.equal(await stopProcess(identity, 200), false);
  assert.equal(isRunning(pid, identity.startTime), false);
  assert.equal(await stopProcess(identity, 200), true, "one that is gone has ended");
});

test("a data folder is held by one; after its release the next may have it", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "data");
    const first = await openDataFolder(path);
    assert.equal(first.isNew(), true);
    await assert.rejects(openDataFolder(path), { code: "INVALID_ARGUMENT", message: /in use/ });
    await mkdir(first.masterPath);
    await writeFile(join(first.masterPath, lockFileName), "");
    assert.equal(first.isNew(), true);
    await writeFile(join(first.masterPath, "data.mdb"), "");
    assert.equal(first.isNew(), false);
    await first.release();
    await (await openDataFolder(path)).release();
  });
});

test("files that a power loss left without their content keep nobody out", async () => {
  await inFolder(async (folder) => {
    for (const content of ["", "\0".repeat(12)]) {
      await writeFile(join(folder, "elastic-kv.json"), content);
      await writeFile(join(folder, "up.json"), content);
      await (await openDataFolder(folder)).release();
      assert.match(await readFile(join(folder, "elastic-kv.json"), "utf8"), /"format":2\b/);
    }
  });
});

test("data of another version, and stores without their master, are refused", async () => {
  await inFolder(async (folder) => {
    await writeFile(join(folder, "elastic-kv.json"), '{"format":99}');
    await assert.rejects(openDataFolder(folder), { code: "INVALID_ARGUMENT", message: /format 99/ });
    await rm(join(folder, "elastic-kv.json"));
    await mkdir(join(folder, "store-2"));
    await assert.rejects(openDataFolder(folder), {
      code: "INVALID_ARGUMENT",
      message: /store-2 but no master/,
    });
    await rm(join(folder, "store-2"), { recursive: true });
    await (await openDataFolder(folder)).release();
  });
});

test("a master that outlived its killed owner is stopped before the folder is used again", async () => {
  await inFolder(async (folder) => {
    const child = spawn(process.execPath, ["-e", "console.log('ready'); setInterval(() => {}, 1000);"]);
    await once(child.stdout, "data");
    const pid = child.pid ?? 0;
    const identity = { pid, startTime: processStartTime(pid) };
    await writeFile(join(folder, "up.json"), JSON.stringify(identity));
    const data = await openDataFolder(folder);
    assert.equal(isRunning(pid, identity.startTime), false);
    await data.release();
  });
});

test("the stores' processes are found by their records", async () => {
  await inFolder(async (folder) => {
    const data = await openDataFolder(folder);
    for (const [storeId, text] of [
      ["store-1", '{"pid":12,"startTime":"34","stopped":false}'],
      ["store-2", '{"pid":'],
      ["master", '{"pid":1,"startTime":"1"}'],
    ] as const) {
      await mkdir(join(folder, storeId));
      await writeFile(join(folder, storeId, "process.json"), text);
    }
    assert.deepEqual(await data.recordedStores(), [
      { storeId: "store-1", identity: { pid: 12, startTime: "34" } },
    ]);
    await data.release();
  });
});

test("the master gets its flags; --create only when it is new", () => {
  const folder = { path: "/d", masterPath: "/d/master" };
  const options = { data: "/d", stores: 2, port: 7500, readyTimeoutMs: 1 };
  const plain = masterArguments(folder, false, options).join(" ");
  assert.equal(
    plain,
    "--data /d/master --port 7500 --launcher process --store-data /d --store-base-port 7500 --initial-stores 2",
  );
  const full = masterArguments(folder, true, {
    ...options,
    partitions: 64,
    placement: "contiguous",
    durability: "fsync",
    engine: "memory",
  });
  assert.deepEqual(full.slice(-7), [
    "--partitions",
    "64",
    "--placement",
    "contiguous",
    "--store-args",
    '["--durability","fsync","--engine","memory"]',
    "--create",
  ]);
});

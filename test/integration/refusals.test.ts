import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { compiled } from "../support/children.js";
import { freePort } from "../support/free-ports.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { adminService } from "../../services/wire/services.js";
import { waitFor } from "../support/wait-for.js";

const masterProgram = compiled("../../services/master/main.js");
const storeProgram = compiled("../../services/store/main.js");

/** Runs a service that must not come up, and returns what it said on its way out. */
async function refusal(
  program: string,
  args: readonly string[],
): Promise<{ status: number | null; text: string }> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    timeout: 120_000,
  });
  let text = "";
  child.stderr.on("data", (bytes: Buffer) => {
    text += bytes.toString();
  });
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { status, text };
}

describe("services that must not start", () => {
  const cluster = new ProcessCluster(["--partitions", "16", "--initial-stores", "1"]);
  const folder = mkdtempSync(join(tmpdir(), "ekv-refusals-"));
  const other = new ProcessCluster(["--partitions", "32", "--initial-stores", "1"]);

  before(async () => {
    await cluster.startMaster();
    await cluster.startStore("store-1");
    await cluster.settled("store-1");
  });

  after(async () => {
    await cluster.stop();
    await other.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("a second master on the same data folder, naming the first", async () => {
    const port = String(await freePort());
    const { status, text } = await refusal(masterProgram, [
      "--data",
      join(cluster.folder, "master"),
      "--port",
      port,
    ]);
    assert.equal(status, 2);
    assert.match(text, new RegExp(`pid ${cluster.master?.process.pid}`));
    assert.equal(text.trim().split("\n").length, 1, "one line, no stack");
  });

  it("a second store on the same data folder", async () => {
    const { status, text } = await refusal(storeProgram, [
      ...[
        "--store-id",
        "store-1",
        "--master",
        cluster.masterAddress,
        "--data",
        join(cluster.folder, "store-1"),
      ],
    ]);
    assert.equal(status, 2);
    assert.match(text, /pid \d+/);
  });

  it("a master on an empty folder without --create, and one told another partition count than its cluster has", async () => {
    const empty = await refusal(masterProgram, ["--data", join(folder, "empty"), "--port", "0"]);
    assert.equal(empty.status, 2);
    assert.match(empty.text, /--create/);
    await cluster.master?.kill();
    const again = await refusal(masterProgram, [
      ...["--data", join(cluster.folder, "master"), "--port", "0", "--partitions", "64"],
    ]);
    await cluster.startMaster();
    assert.equal(again.status, 2);
    assert.match(again.text, /partitions/);
  });

  it("a store that advertises the address of another, naming it", async () => {
    const { status, text } = await refusal(storeProgram, [
      ...["--store-id", "store-2", "--master", cluster.masterAddress, "--data", join(folder, "store-2")],
      ...["--advertise", cluster.storeAddress("store-1")],
    ]);
    assert.equal(status, 2);
    assert.match(
      text,
      new RegExp(`store-2 advertises ${cluster.storeAddress("store-1")}.* store-1 .*--advertise`),
    );
    assert.deepEqual(
      (await cluster.list()).map(({ storeId }) => storeId),
      ["store-1"],
    );
  });

  it("a store that advertises an address which is only to listen on", async () => {
    const { status, text } = await refusal(storeProgram, [
      ...["--store-id", "store-2", "--master", cluster.masterAddress, "--data", join(folder, "store-2")],
      ...["--advertise", "0.0.0.0:7402"],
    ]);
    assert.equal(status, 2);
    assert.match(text, /advertise.*0\.0\.0\.0/);
  });

  it("but not one that listens on all addresses: it is reached where it reaches the master", async () => {
    const other = new ProcessCluster(["--partitions", "16", "--initial-stores", "1"]);
    try {
      await other.startMaster();
      await other.startStore("store-1", ["--host", "0.0.0.0"]);
      const [store] = await other.settled("store-1");
      assert.equal(`${store?.ip}:${store?.clientPort}`, other.storeAddress("store-1"));
    } finally {
      await other.stop();
    }
  });

  it("a master whose port is in use, saying which", async () => {
    const { status, text } = await refusal(masterProgram, [
      ...["--data", join(folder, "port"), "--create", "--port", cluster.masterAddress.split(":")[1] ?? ""],
    ]);
    assert.equal(status, 2);
    assert.match(text, new RegExp(`${cluster.masterAddress}.*--port`));
  });

  it("a store of another cluster with another partition count, whose data stays as it is", async () => {
    await other.startMaster();
    const first = await other.startStore("store-9");
    // Only behind its second registration does its folder say for certain which cluster it belongs to.
    await waitFor("store-9 to have joined", () =>
      first.lines.some((line) => line.includes("registered with the master")),
    );
    await other.settled("store-9");
    await first.kill();
    const { status, text } = await refusal(storeProgram, [
      ...[
        "--store-id",
        "store-9",
        "--master",
        cluster.masterAddress,
        "--data",
        join(other.folder, "store-9"),
      ],
    ]);
    assert.equal(status, 2);
    assert.match(text, /cluster/);
    await other.startStore("store-9");
    await other.settled("store-9");
  });

  it("a store that comes back without its data, unless its operator accepts the loss", async () => {
    await cluster.stores.get("store-1")?.kill();
    rmSync(join(cluster.folder, "store-1"), { recursive: true });
    const store = [
      "--store-id",
      "store-1",
      "--master",
      cluster.masterAddress,
      "--data",
      join(cluster.folder, "store-1"),
    ];
    const { status, text } = await refusal(storeProgram, store);
    assert.equal(status, 2);
    assert.match(text, /without the data it had.*--accept-data-loss/);
    await cluster.startStore("store-1", ["--accept-data-loss"]);
    await cluster.settled("store-1");
  });

  it("a store that comes back with an older state of its data, which takes the newest again", async () => {
    const data = join(cluster.folder, "store-1");
    const [old, newest] = [join(cluster.folder, "old"), join(cluster.folder, "newest")];
    await cluster.startStore("store-2");
    await cluster.settled("store-1", "store-2");
    await cluster.stores.get("store-1")?.kill();
    cpSync(data, old, { recursive: true });
    await cluster.startStore("store-1");
    await cluster.settled("store-1", "store-2");
    await cluster.admin(adminService.removeStore, { storeId: "store-2", purge: false, dryRun: false });
    await cluster.settled("store-1");
    await cluster.stores.get("store-1")?.kill();
    renameSync(data, newest);
    renameSync(old, data);
    const { status, text } = await refusal(storeProgram, [
      ...["--store-id", "store-1", "--master", cluster.masterAddress, "--data", data],
    ]);
    assert.equal(status, 2);
    assert.match(text, /store-1 comes back without 8 of its 16 partitions;.*--accept-data-loss/);
    rmSync(data, { recursive: true });
    renameSync(newest, data);
    await cluster.startStore("store-1");
    await cluster.settled("store-1");
  });

  it("a store with a setting that does not exist, or a bad value, naming it", async () => {
    const unknown = await refusal(storeProgram, [
      "--store-id",
      "s",
      "--master",
      "127.0.0.1:1",
      "--durabilty",
      "fsync",
    ]);
    assert.equal(unknown.status, 2);
    assert.match(unknown.text, /did you mean durability/);
    const bad = await refusal(storeProgram, ["--store-id", "S_1", "--master", "127.0.0.1:1"]);
    assert.match(bad.text, /store-id.*a-z/);
    const missing = await refusal(storeProgram, ["--store-id", "s"]);
    assert.match(missing.text, /master: must be given/);
  });
});

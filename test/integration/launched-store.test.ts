import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { promisify } from "node:util";
import { isRunning } from "../../services/runtime/process-identity.js";
import { type Child, childOf, compiled, until } from "../support/children.js";
import { freeBasePort } from "../support/free-ports.js";

const program = compiled("../../cli/main.js");
const storeProgram = compiled("../../services/store/main.js");
const execute = promisify(execFile);

interface Ready {
  readonly missing: string | null;
  readonly stores: readonly { readonly storeId: string; readonly address: string }[];
}

interface Recorded {
  readonly pid: number;
  readonly startTime: string;
}

describe("a store that the launcher of ekv up runs", { timeout: 600_000 }, () => {
  let folder = "";
  let port = 0;
  let cluster: Child | undefined;
  let notes = "";

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "ekv-launched-"));
    port = await freeBasePort();
  });

  afterEach(async () => {
    await down();
    const left = processesWith(folder);
    for (const pid of left) process.kill(pid, "SIGKILL");
    await rm(folder, { recursive: true });
    assert.deepEqual(left, [], "nothing runs when ekv up has ended");
  });

  /** The processes that have a text in their arguments. */
  function processesWith(text: string): number[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text);
        } catch {
          return false; // It has ended meanwhile.
        }
      })
      .map(Number);
  }

  async function up(...more: readonly string[]): Promise<Ready> {
    const settings = ["--data", folder, "--port", String(port), "--stores", "2", "--partitions", "16"];
    const child = spawn(process.execPath, [program, "up", ...settings, "--json", ...more], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    notes = "";
    child.stderr.on("data", (chunk: Buffer) => {
      notes += chunk.toString();
    });
    cluster = childOf(child);
    return JSON.parse(await cluster.line("{")) as Ready;
  }

  async function down(): Promise<void> {
    cluster?.process.kill("SIGINT");
    await cluster?.ended;
    cluster = undefined;
  }

  async function ekv(...args: readonly string[]): Promise<string> {
    const seeds = ["--seeds", `127.0.0.1:${port}`, "--timeout-ms", "60000"];
    return (await execute(program, [...args, ...seeds])).stdout;
  }

  function storeIdsOf(list: string): string[] {
    const { stores } = JSON.parse(list) as { readonly stores: readonly { readonly storeId: string }[] };
    return stores.map(({ storeId }) => storeId);
  }

  async function recorded(storeId: string): Promise<Recorded> {
    return JSON.parse(await readFile(join(folder, storeId, "process.json"), "utf8")) as Recorded;
  }

  it("stays down when it was stopped, until an operator starts it; ekv up says both", async () => {
    await up();
    await ekv("put", "greeting", "hello");
    process.kill((await recorded("store-2")).pid, "SIGTERM");
    await until("the note", () => /^store-2 is down/m.test(notes));
    await assert.rejects(ekv("add-store", "store-2"), /part of the cluster already.*ekv stores start/);
    assert.match(await ekv("stores", "start", "store-2"), /^store-2 is up \(pid \d+\)\.\n$/);
    await until("the other note", () => notes.includes("store-2 is up again."));
    assert.match(await ekv("stores", "start", "store-2"), /is up already/);
    await assert.rejects(ekv("stores", "start", "store-9"), /there is no store store-9/);
    assert.equal(await ekv("get", "greeting"), "hello");
  });

  it("is noted by ekv up when it died", async () => {
    await up();
    process.kill((await recorded("store-1")).pid, "SIGKILL");
    await until("a note", () => /^store-1 (is up again|was started again)\.$/m.test(notes));
  });

  it("is tried again by itself after its folder could not be used", async () => {
    await up();
    await ekv("put", "greeting", "hello");
    await down();
    // Nothing can be written where a disk should be, and is not.
    await rename(join(folder, "store-2"), join(folder, "away"));
    await symlink(join(folder, "nothing", "here"), join(folder, "store-2"));
    const { missing } = await up("--ready-timeout-ms", "5000");
    assert.notEqual(missing, null);
    await rm(join(folder, "store-2"));
    await rename(join(folder, "away"), join(folder, "store-2"));
    await until("the store", async () => {
      const { healthy } = JSON.parse(await ekv("status", "--json")) as { readonly healthy: boolean };
      return healthy;
    });
    assert.equal(await ekv("get", "greeting"), "hello");
  });

  it("is no other store because its folder has a copy", async () => {
    await up();
    await ekv("put", "greeting", "hello");
    await down();
    await cp(join(folder, "store-2"), join(folder, "store-2-copy"), { recursive: true });
    await up();
    assert.deepEqual(storeIdsOf(await ekv("stores", "--json")), ["store-1", "store-2"]);
    await assert.rejects(
      execute(process.execPath, [
        ...[storeProgram, "--store-id", "another", "--data", join(folder, "store-2-copy"), "--port", "0"],
        ...["--master", `127.0.0.1:${port}`],
      ]),
      /holds the data of store-2, not of another: start it as store-2/,
    );
    assert.equal(await ekv("get", "greeting"), "hello");
  });

  it("takes another port when its own is in use, and the cluster is whole", async () => {
    const other: Server = createServer();
    await new Promise<void>((resolve) => other.listen(port + 1, "127.0.0.1", resolve));
    const { missing, stores } = await up();
    await new Promise((resolve) => other.close(resolve));
    assert.equal(missing, null);
    assert.ok(stores.every(({ address }) => address !== `127.0.0.1:${port + 1}`));
  });

  it("is stopped with the others when its folder is a link", async () => {
    await up();
    const { pid, startTime } = await recorded("store-2");
    await mkdir(join(folder, "disk"));
    await rename(join(folder, "store-2"), join(folder, "disk", "data"));
    await symlink(join(folder, "disk", "data"), join(folder, "store-2"));
    assert.equal(isRunning(pid, startTime), true);
    await down();
    assert.equal(isRunning(pid, startTime), false);
  });

  it("is stopped with the others when its folder was deleted", async () => {
    await up();
    const { pid, startTime } = await recorded("store-2");
    // From then on ekv up has seen it.
    process.kill((await recorded("store-1")).pid, "SIGKILL");
    await until("a note", () => notes.includes("store-1"));
    await rm(join(folder, "store-2"), { recursive: true });
    assert.equal(isRunning(pid, startTime), true);
    await down();
    assert.equal(isRunning(pid, startTime), false);
  });

  it("goes on when a hang-up reaches an ekv up that has no terminal", async () => {
    await up();
    cluster?.process.kill("SIGHUP");
    await ekv("put", "greeting", "hello");
    assert.equal(await ekv("get", "greeting"), "hello");
    assert.equal(cluster?.process.exitCode, null);
  });
});

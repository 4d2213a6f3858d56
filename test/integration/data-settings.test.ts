import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { openDataFolder } from "../../cli/up/data-folder.js";
import { connectAdmin } from "../../client/admin.js";
import { type Client, connect } from "../../client/index.js";
import type { GetClusterStatusResponse } from "../../services/gen/elastickv/v1/master.js";
import { type Child, compiled, runNode } from "../support/children.js";
import { makeFormer, makeMasterFormer } from "../support/former-folder.js";
import { freeBasePort } from "../support/free-ports.js";

const program = compiled("../../cli/main.js");
const storeProgram = compiled("../../services/store/main.js");

/** Every file below a folder with its content and times: what nobody touched is the same. */
function imageOf(folder: string): Record<string, string> {
  const image: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const { mtimeMs, ino } = statSync(path);
    const content = entry.isFile() ? createHash("sha256").update(readFileSync(path)).digest("hex") : "folder";
    image[path] = `${content} ${mtimeMs} ${ino}`;
  }
  return image;
}

/** Runs a program to its end. */
async function run(path: string, args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [path, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stderr };
}

interface Ready {
  readonly ready: boolean;
  readonly missing: string | null;
  readonly engine: string;
  readonly dataLosses: readonly { readonly storeId: string }[];
}

describe("the settings that belong to the data of `ekv up`", { timeout: 600_000 }, () => {
  let folder = "";
  let port = 0;
  let cluster: Child | undefined;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "ekv-settings-"));
    port = await freeBasePort();
  });
  afterEach(() => down());
  after(() => rmSync(folder, { recursive: true }));

  const upArgs = (name: string, args: readonly string[]): string[] => [
    ...["up", "--data", join(folder, name), "--port", String(port), "--stores", "2", "--json"],
    ...args,
  ];
  const up = async (name: string, ...args: string[]): Promise<Ready> => {
    cluster = runNode(program, upArgs(name, args));
    return JSON.parse(await cluster.line("{")) as Ready;
  };
  const down = async (): Promise<void> => {
    cluster?.process.kill("SIGINT");
    await cluster?.ended;
    cluster = undefined;
  };
  const withClient = async <T>(work: (client: Client) => Promise<T>): Promise<T> => {
    const client = await connect(`127.0.0.1:${port}`);
    try {
      return await work(client);
    } finally {
      await client.close();
    }
  };
  const status = async (): Promise<GetClusterStatusResponse> => {
    const admin = connectAdmin({ seeds: [`127.0.0.1:${port}`] });
    try {
      return await admin.getClusterStatus({});
    } finally {
      await admin.close();
    }
  };

  test("others are refused before anything is touched, and the data is there as before", async () => {
    await up("durable", "--partitions", "16", "--durability", "fsync");
    await withClient((client) => client.put("key", Buffer.from("value")));
    await down();
    const image = imageOf(join(folder, "durable"));
    for (const [args, message] of [
      [["--engine", "lmdb"], /argument 'lmdb' is invalid.*its successor is log/],
      [["--engine", "memory"], /kept with --engine log, and --engine memory was given: leave --engine out/],
      [["--durability", "commit"], /with --durability fsync, and --durability commit was given: leave/],
      [["--partitions", "32"], /created with --partitions 16, and --partitions 32 was given: leave/],
      [["--placement", "contiguous"], /created with --placement balanced, and --placement contiguous was/],
    ] as const) {
      const refused = await run(program, upArgs("durable", args));
      assert.equal(refused.code, 2, refused.stderr);
      assert.match(refused.stderr, message);
    }
    const store = join(folder, "durable", "store-1");
    const args = [
      "--store-id",
      "store-1",
      "--master",
      `127.0.0.1:${port}`,
      "--data",
      store,
      "--engine",
      "memory",
    ];
    const refused = await run(storeProgram, args);
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(
      refused.stderr,
      /^error: the data in .* is kept with --engine log, and --engine memory was given/,
    );
    assert.deepEqual(imageOf(join(folder, "durable")), image);

    const { ready, engine } = await up("durable");
    assert.deepEqual([ready, engine], [true, "log"]);
    assert.equal((await withClient((client) => client.get("key")))?.toString(), "value");
    const { stores } = await connectedStores();
    assert.deepEqual(stores, [
      ["log", "fsync"],
      ["log", "fsync"],
    ]);
  });

  async function connectedStores(): Promise<{ stores: (readonly [string, string])[] }> {
    const admin = connectAdmin({ seeds: [`127.0.0.1:${port}`] });
    try {
      const { stores } = await admin.listStores({});
      return { stores: stores.map(({ engine, durability }) => [engine, durability] as const) };
    } finally {
      await admin.close();
    }
  }

  test("of a folder without the record are told by its files, and recorded", async () => {
    await up("former", "--partitions", "16");
    await withClient((client) => client.put("key", Buffer.from("value")));
    await down();
    writeFileSync(join(folder, "former", "elastic-kv.json"), '{"format":1}');
    for (const storeId of ["store-1", "store-2"]) rmSync(join(folder, "former", storeId, "settings.json"));
    const refused = await run(program, upArgs("former", ["--engine", "memory"]));
    assert.equal(refused.code, 2, refused.stderr);
    assert.equal((await up("former")).ready, true);
    assert.equal((await withClient((client) => client.get("key")))?.toString(), "value");
    const recorded = JSON.parse(readFileSync(join(folder, "former", "elastic-kv.json"), "utf8")) as object;
    assert.deepEqual(recorded, { format: 2, engine: "log", durability: "commit" });
  });

  test("of a cluster of a former version are kept, and its stores take their data over", async () => {
    await up("upgraded", "--partitions", "16", "--durability", "fsync");
    const keys = Array.from({ length: 300 }, (_, at) => `key ${at}`);
    await withClient((client) => Promise.all(keys.map((key) => client.put(key, Buffer.from(`of ${key}`)))));
    await down();
    const path = join(folder, "upgraded");
    for (const storeId of ["store-1", "store-2"]) await makeFormer(join(path, storeId), "fsync");
    await makeMasterFormer(join(path, "master"));
    const record = { format: 1, engine: "lmdb", durability: "fsync", partitions: 16, placement: "balanced" };
    writeFileSync(join(path, "elastic-kv.json"), JSON.stringify(record));

    const { ready, engine, dataLosses } = await up("upgraded");
    assert.deepEqual([ready, engine, dataLosses], [true, "log", []]);
    const values = await withClient((client) => Promise.all(keys.map((key) => client.get(key))));
    assert.deepEqual(
      values.map((value) => value?.toString()),
      keys.map((key) => `of ${key}`),
    );
    assert.deepEqual((await connectedStores()).stores, [
      ["log", "fsync"],
      ["log", "fsync"],
    ]);
    const recorded = JSON.parse(readFileSync(join(path, "elastic-kv.json"), "utf8")) as object;
    assert.deepEqual(recorded, { ...record, format: 2, engine: "log" });
    assert.equal(existsSync(join(path, "store-1", "lmdb")), false);
  });

  test("a cluster in memory comes back empty, says so, and takes writes", async () => {
    await up("memory", "--engine", "memory", "--partitions", "16");
    await withClient((client) => client.put("key", Buffer.from("value")));
    await down();
    const refused = await run(program, upArgs("memory", ["--engine", "log"]));
    assert.match(refused.stderr, /kept with --engine memory, and --engine log was given/);
    const again = await up("memory");
    assert.deepEqual([again.ready, again.engine], [true, "memory"]);
    assert.deepEqual(
      again.dataLosses.map(({ storeId }) => storeId),
      ["store-1", "store-2"],
    );
    await withClient(async (client) => {
      assert.equal(await client.get("key"), undefined);
      await client.put("key", Buffer.from("another"));
      assert.equal((await client.get("key"))?.toString(), "another");
    });
    assert.deepEqual(
      (await status()).dataLosses.map(({ storeId }) => storeId),
      ["store-1", "store-2"],
    );
  });

  test("are not recorded for a cluster that was never made", async () => {
    const path = join(folder, "never");
    mkdirSync(path);
    await (await openDataFolder(path, { given: { engine: "memory" } })).release();
    const next = await openDataFolder(path, { given: { engine: "log" } });
    assert.equal(next.settings.engine, "log");
    await next.release();
  });
});

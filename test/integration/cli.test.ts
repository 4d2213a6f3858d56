import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Child, compiled, runNode } from "../support/children.js";
import { freeBasePort, isFree } from "../support/free-ports.js";

const program = compiled("../../cli/main.js");
const storeCount = 2;

/** Runs `ekv` as a process, as `npx ekv` does: the program itself, which has to be executable. */
async function run(
  seeds: string,
  args: readonly string[],
  input: string | Buffer = "",
): Promise<{ code: number | null; stdout: Buffer; stderr: string }> {
  const child = spawn(program, args, { env: { ...process.env, EKV_SEEDS: seeds } });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // A command that does not read its input may end before it is written.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
}

interface Ready {
  readonly ready: boolean;
  readonly created: boolean;
  readonly keys: number;
  readonly stores: readonly { readonly storeId: string }[];
}

describe("ekv with a cluster of its own", () => {
  let folder = "";
  let port = 0;
  let cluster: Child | undefined;

  const ekv = (...args: string[]): ReturnType<typeof run> => run(`127.0.0.1:${port}`, args);
  const fed = (input: string | Buffer, ...args: string[]): ReturnType<typeof run> =>
    run(`127.0.0.1:${port}`, args, input);
  const json = async <T>(...args: string[]): Promise<T> => {
    const { code, stdout, stderr } = await ekv(...args, "--json");
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout.toString()) as T;
  };
  const up = async (): Promise<Ready> => {
    const settings = ["--data", join(folder, "data"), "--port", String(port), "--stores", String(storeCount)];
    cluster = runNode(program, ["up", ...settings, "--partitions", "64", "--json"]);
    return JSON.parse(await cluster.line("{")) as Ready;
  };
  const down = async (): Promise<number | null> => {
    cluster?.process.kill("SIGINT");
    await cluster?.ended;
    return cluster?.process.exitCode ?? null;
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "ekv-cli-"));
    port = await freeBasePort();
    const { ready, created, keys, stores } = await up();
    assert.deepEqual([ready, created, keys, stores.length], [true, true, 0, storeCount]);
  });

  after(async () => {
    await down();
    await rm(folder, { recursive: true });
  });

  test("keys are written, read, guarded and deleted, with the documented exit statuses", async () => {
    const value = Buffer.from([0xff, 0, 0x0a]);
    const put = await fed(value, "put", "a");
    assert.equal(put.code, 0);
    const version = put.stdout.toString().trim();
    assert.deepEqual((await ekv("get", "a")).stdout, value);
    assert.equal((await ekv("put", "a", "b", "--if-absent")).code, 4);
    assert.equal((await ekv("put", "a", "b", "--if-version", version)).code, 0);
    assert.equal((await ekv("put", "a", "c", "--if-version", version)).code, 4);
    assert.equal((await ekv("get", "a")).stdout.toString(), "b");
    assert.equal((await ekv("del", "a")).code, 0);
    assert.equal((await ekv("del", "a")).code, 3);
    assert.equal((await ekv("get", "a")).code, 3);
    assert.equal((await ekv("put", "", "b")).code, 2);
    assert.equal((await ekv("put", "x".repeat(1025), "b")).code, 2);
  });

  test("a cluster grows and shrinks while nothing imported is lost", async () => {
    const lines = Array.from({ length: 3000 }, (_, i) =>
      i % 3 === 0
        ? JSON.stringify({ key64: Buffer.from([0xff, i >> 8, i & 255]).toString("base64"), value: "" })
        : JSON.stringify({ key: `key-${i}`, value: `value ${i}\n` }),
    ).sort();
    const path = join(folder, "in.ndjson");
    await writeFile(path, `${lines.join("\n")}\n`);
    assert.equal((await json<{ imported: number }>("import", path)).imported, lines.length);
    const plan = await json<{ moves: unknown[] }>("add-store", "--dry-run");
    const added = await json<{ state: string; storeId: string; movesDone: number }>("add-store");
    assert.deepEqual([added.state, added.movesDone], ["succeeded", plan.moves.length]);
    const { stores } = await json<{ stores: { storeId: string; share: number }[] }>("ring");
    assert.deepEqual(
      stores.map(({ storeId }) => storeId),
      ["store-1", "store-2", "store-3"],
    );
    const removed = await json<{ state: string }>("remove-store", "store-1", "--purge");
    assert.equal(removed.state, "succeeded");
    assert.equal(existsSync(join(folder, "data", "store-1")), false);
    const out = join(folder, "out.ndjson");
    assert.equal((await ekv("export", out)).code, 0);
    assert.deepEqual((await readFile(out, "utf8")).trimEnd().split("\n").sort(), lines);
    const { operations } = await json<{ operations: { kind: string }[] }>("operations");
    assert.deepEqual(
      operations.map(({ kind }) => kind),
      ["remove-store", "add-store"],
    );
    assert.equal((await json<{ healthy: boolean }>("status")).healthy, true);
  });

  test("a reader that stops early ends the command quietly", async () => {
    const child = spawn("sh", [
      "-c",
      `"$0" "$1" scan --seeds 127.0.0.1:${port} | head -1`,
      process.execPath,
      program,
    ]);
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const [code] = (await once(child, "close")) as [number | null];
    assert.deepEqual([code, stderr], [0, ""]);
  });

  test("ping reaches the master and every store, and passes over a seed that is neither", async () => {
    // store-1 has left: nobody is at its address, which is a default seed.
    const seeds = `127.0.0.1:${port},127.0.0.1:${port + 1}`;
    const { code, stdout, stderr } = await run(seeds, ["ping", "--count", "5", "--json"]);
    assert.equal(code, 0, stderr);
    const { results } = JSON.parse(stdout.toString()) as {
      results: { name: string; failures: number; medianMs: number }[];
    };
    assert.deepEqual(
      results.map(({ name, failures }) => [name, failures]),
      [
        ["master", 0],
        ["store-2", 0],
        ["store-3", 0],
      ],
    );
    assert.ok(results.every(({ medianMs }) => medianMs > 0));
  });

  test("a shell runs the lines of a file on one connection", async () => {
    const { code, stdout } = await fed("put 'a b' c\nget 'a b' --json\ndel 'a b'\nget 'a b'\n", "shell");
    assert.equal(code, 3);
    assert.match(stdout.toString(), /"key":"a b","value":"c"/);
  });

  test("a port in use and a folder in use are one clear line and exit status 2", async () => {
    const port2 = String(port);
    const samePort = await ekv("up", "--data", join(folder, "other"), "--port", port2);
    assert.equal(samePort.code, 2);
    assert.match(samePort.stderr, new RegExp(`^ekv: port ${port} of the master is in use`, "m"));
    const sameFolder = await ekv("up", "--data", join(folder, "data"), "--port", port2);
    assert.equal(sameFolder.code, 2);
    assert.match(sameFolder.stderr, /^ekv: .*in use.*pid \d+/);
  });

  test("an interrupt stops everything, and the next start finds the data", async () => {
    const { count } = await json<{ count: number }>("scan", "--count");
    assert.equal(await down(), 0);
    const freed = await Promise.all([0, 2, 3].map((offset) => isFree(port + offset)));
    assert.deepEqual(freed, [true, true, true], "the master's and the stores' ports");
    assert.equal((await ekv("status", "--timeout-ms", "300")).code, 5);
    const { ready, created, keys } = await up();
    assert.deepEqual([ready, created, keys], [true, false, count]);
    assert.equal((await json<{ count: number }>("scan", "--count")).count, count);
  });
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { connect, type Client } from "../../client/index.js";
import { hashKey, partitionOf } from "../../services/core/hash.js";
import { limits } from "../../services/core/limits.js";
import { compiled, runNode, type Child } from "../support/children.js";
import { freeBasePort } from "../support/free-ports.js";
import { waitFor } from "../support/wait-for.js";

const program = compiled("../../cli/main.js");

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe("import into a running cluster", () => {
  let folder = "";
  let seeds = "";
  let cluster: Child | undefined;
  let client: Client<Buffer> | undefined;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "ekv-import-"));
    const port = await freeBasePort();
    seeds = `127.0.0.1:${port}`;
    const args = ["up", "--data", join(folder, "data"), "--port", String(port)];
    cluster = runNode(program, [...args, "--stores", "2", "--partitions", "16", "--json"]);
    await cluster.line("{");
    client = await connect({ seeds: [seeds] });
  });

  after(async () => {
    await client?.close();
    cluster?.process.kill("SIGINT");
    await cluster?.ended;
    await rm(folder, { recursive: true });
  });

  const start = (...args: string[]): { stdin: NodeJS.WritableStream; ran: Promise<Ran> } => {
    const child = spawn(process.execPath, [program, ...args, "--seeds", seeds]);
    const text = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].on("data", (chunk: Buffer) => {
        text[name] += chunk.toString();
      });
    }
    const ran = once(child, "close").then(([code]) => ({ code: code as number | null, ...text }));
    return { stdin: child.stdin, ran };
  };

  /** Keys of a store, beginning with a prefix. */
  const keysOf = (storeId: string, prefix: string, count: number): string[] => {
    const { partitionCount, partitions } = present(client).topology();
    const keys: string[] = [];
    for (let i = 0; keys.length < count; i += 1) {
      const key = `${prefix}${i}`;
      const partition = partitionOf(hashKey(Buffer.from(key)), Math.log2(partitionCount));
      if (partitions[partition]?.primary?.storeId === storeId) keys.push(key);
    }
    return keys;
  };

  test("the longest value of any bytes that was exported is imported again", async () => {
    const value = Buffer.alloc(limits.valueBytesMax, 0xff);
    await present(client).put("longest", value);
    const path = join(folder, "longest.ndjson");
    assert.equal((await start("export", path).ran).code, 0);
    await present(client).delete("longest");
    const { code, stderr } = await start("import", path).ran;
    assert.equal(code, 0, stderr);
    assert.ok((await present(client).get("longest"))?.equals(value));
  });

  test("a store that is killed during an import costs no line, and the report is exact", async () => {
    const lost = keysOf("store-1", "lost-", 200);
    const kept = keysOf("store-2", "kept-", 200);
    const { stdin, ran } = start("import", "-", "--json");
    const record = join(folder, "data", "store-1", "process.json");
    const { pid } = JSON.parse(await readFile(record, "utf8")) as { pid: number };
    const lines = [...lost, ...kept].map((key) => `{"key":"${key}","value":"of ${key}"}\n`);
    const isThere = async (key: string | undefined): Promise<boolean> =>
      (await present(client).get(present(key))) !== undefined;
    stdin.write(lines.slice(0, 100).join(""));
    await waitFor("the import to be connected", () => isThere(lost[99]), 60_000, 20);
    // From here on the store takes writes, and does not answer them any more.
    process.kill(pid, "SIGSTOP");
    stdin.write(lines.slice(100, 300).join(""));
    await waitFor("the writes to be sent", () => isThere(kept[99]), 60_000, 20);
    process.kill(pid, "SIGKILL");
    stdin.end(lines.slice(300).join(""));
    const { code, stdout, stderr } = await ran;
    assert.equal(code, 0, stderr);
    const report = JSON.parse(stdout) as { imported: number; bad: number; repeated: number };
    assert.deepEqual([report.imported, report.bad], [400, 0]);
    assert.ok(report.repeated >= 100, `${report.repeated} repeated`);
    const values = await present(client).getMany([...lost, ...kept]);
    assert.deepEqual(
      values.map((value) => value?.toString()),
      [...lost, ...kept].map((key) => `of ${key}`),
    );
  });

  test("a bad line between long ones is named by its number, and skipped when asked", async () => {
    const path = join(folder, "mixed.csv");
    const long = Buffer.alloc(limits.valueBytesMax, 0xff).toString("base64");
    await writeFile(path, `key,value\n${btoa("a")},${long}\n${btoa("b")},${long}*\n${btoa("c")},${long}\n`);
    const args = ["import", path, "--encoding", "base64"];
    const refused = await start(...args).ran;
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /line 3: value: is not base64/);
    const skipped = await start(...args, "--skip-bad", "--json").ran;
    assert.equal(skipped.code, 0, skipped.stderr);
    const report = JSON.parse(skipped.stdout) as { imported: number; bad: number };
    assert.deepEqual([report.imported, report.bad], [2, 1]);
  });
});

function present<T>(value: T | undefined): T {
  assert.ok(value !== undefined);
  return value;
}

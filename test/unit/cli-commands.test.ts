import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { defaultSeeds } from "../../cli/default-seeds.js";
import { masterArguments } from "../../cli/up.js";
import { exitCodeOf, exitCodes, exitCodesHelp } from "../../cli/exit-codes.js";
import { EkvError, type ErrorCode } from "../../services/core/errors.js";
import { brandAs, type Epoch } from "../../services/core/ids.js";
import { ekv } from "../support/cli-terminal.js";

const version = { epoch: brandAs<Epoch>(3), seq: 17 };

function entry(value: string | Buffer, expiresAtMs = 0) {
  return { value: Buffer.from(value), version, expiresAtMs };
}

/** Just enough of a client to write to and scan. */
function memoryClient(): { data: Map<string, Buffer>; ttls: number[]; client: object } {
  const data = new Map<string, Buffer>();
  const ttls: number[] = [];
  const client = {
    put: (key: Buffer, value: Buffer, options: { ttlMs?: number }) => {
      if (key.length === 0) return Promise.reject(new EkvError("INVALID_ARGUMENT", "key: is empty"));
      data.set(key.toString("latin1"), value);
      if (options.ttlMs !== undefined) ttls.push(options.ttlMs);
      return Promise.resolve(version);
    },
    async *scan() {
      await Promise.resolve();
      for (const [key, value] of data) {
        yield { key: Buffer.from(key, "latin1"), value, version, expiresAtMs: 0 };
      }
    },
  };
  return { data, ttls, client };
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "ekv-cli-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("every error code has its exit status, and help names each status", () => {
  const expected: Record<ErrorCode, number> = {
    INVALID_ARGUMENT: 2,
    RESOURCE_EXHAUSTED: 1,
    CONDITION_FAILED: 4,
    MOVED: 5,
    UNAVAILABLE: 5,
    OUTCOME_UNKNOWN: 6,
    DEADLINE_EXCEEDED: 5,
    FAILED_PRECONDITION: 1,
    NOT_FOUND: 3,
    ALREADY_EXISTS: 1,
    CANCELLED: 1,
    INTERNAL: 1,
  };
  for (const [code, status] of Object.entries(expected)) {
    assert.equal(exitCodeOf(new EkvError(code as ErrorCode, "")), status, code);
  }
  assert.equal(exitCodeOf(new TypeError("a bug")), 1);
  for (const status of Object.values(exitCodes))
    assert.match(exitCodesHelp, new RegExp(`^ {2}${status} `, "m"));
});

test("the default seeds are the master and first stores of `ekv up`, and help names them", async () => {
  const options = { data: "/d", stores: 3, port: 7400, readyTimeoutMs: 1 };
  const flags = masterArguments({ path: "/d", masterPath: "/d/master" }, false, options);
  const base = Number(flags[flags.indexOf("--store-base-port") + 1]);
  assert.deepEqual(
    defaultSeeds,
    [7400, base + 1, base + 2].map((port) => `127.0.0.1:${port}`),
  );
  const { stdout } = await ekv(["--help"]);
  assert.ok(stdout.replace(/\s+/g, " ").includes(defaultSeeds.join(",")), stdout);
});

test("wrong usage is exit status 2, in JSON when asked for", async () => {
  for (const args of [[], ["gte"], ["put"], ["scan", "--limit", "0"], ["--seeds", "nohost", "stores"]]) {
    const { code, stdout } = await ekv(args);
    assert.equal(code, 2, args.join(" "));
    assert.equal(stdout, "");
  }
  const { code, stderr } = await ekv(["put", "--json"]);
  assert.equal(code, 2);
  const { error } = JSON.parse(stderr) as { error: { code: string; message: string; violations: unknown[] } };
  assert.equal(error.code, "INVALID_ARGUMENT");
  assert.match(error.message, /missing required argument 'key'/);
  assert.deepEqual(error.violations, []);
});

test("help and version are exit status 0", async () => {
  const help = await ekv(["--help"]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /Exit status:/);
  assert.equal((await ekv(["get", "--help"])).code, 0);
  assert.match((await ekv(["--version"])).stdout, /^\d+\.\d+\.\d+\n$/);
});

test("get prints the bytes alone, or everything as JSON", async () => {
  const value = Buffer.from([0xff, 0x00, 0x0a]);
  const client = { getEntry: () => Promise.resolve(entry(value)) };
  assert.deepEqual((await ekv(["get", "a"], { client })).bytes, value);
  assert.deepEqual(JSON.parse((await ekv(["get", "a", "--json"], { client })).stdout), {
    key: "a",
    value64: "/wAK",
    version: "3.17",
    expiresAtMs: 0,
  });
  const informed = await ekv(["get", "a", "--version-info"], { client });
  assert.deepEqual(informed.bytes, value);
  assert.equal(informed.stderr, "version 3.17, never expires\n");
});

test("a key that does not exist is exit status 3", async () => {
  const client = { getEntry: () => Promise.resolve(undefined), delete: () => Promise.resolve(false) };
  const got = await ekv(["get", "a\u001b[2J"], { client });
  assert.equal(got.code, 3);
  assert.equal(got.stderr, "ekv: there is no key a\\x1b[2J\n");
  assert.equal((await ekv(["del", "a"], { client })).code, 3);
  assert.equal((await ekv(["del", "a", "--ignore-missing"], { client })).code, 0);
});

test("put passes value, condition and time to live on, and prints the version", async () => {
  const calls: unknown[][] = [];
  const client = {
    put: (key: unknown, value: unknown, options?: { signal?: unknown }) => {
      const { signal: _signal, ...rest } = options ?? {};
      calls.push([String(key), String(value), rest]);
      return Promise.resolve(version);
    },
  };
  const written = await ekv(["put", "a", "b", "--if-version", "3.17", "--ttl-ms", "500"], { client });
  assert.equal(written.stdout, "3.17\n");
  await ekv(["put", "a", "--if-absent"], { client, stdin: "from stdin" });
  await ekv(["put", "--key-base64", "YQ==", "--", "-5"], { client });
  assert.deepEqual(calls, [
    ["a", "b", { ifVersion: { epoch: 3, seq: 17 }, ttlMs: 500 }],
    ["a", "from stdin", { ifAbsent: true }],
    ["a", "-5", {}],
  ]);
  assert.equal((await ekv(["put", "a", "b", "--file", "c"], { client })).code, 2);
  assert.equal((await ekv(["put", "a", "--file", "/no/such/file"], { client })).code, 2);
  assert.equal((await ekv(["put", "a", "b", "--if-absent", "--if-version", "1.1"], { client })).code, 2);
  assert.equal((await ekv(["put", "--key-base64", "?", "b"], { client })).code, 2);
});

test("the version that is printed, in JSON too, is the one that --if-version takes", async () => {
  const given: unknown[] = [];
  const client = {
    getEntry: () => Promise.resolve(entry("v")),
    put: (_key: unknown, _value: unknown, options?: { ifVersion?: unknown }) => {
      given.push(options?.ifVersion);
      return Promise.resolve(version);
    },
  };
  const printed = [
    (await ekv(["put", "a", "b"], { client })).stdout.trim(),
    (JSON.parse((await ekv(["put", "a", "b", "--json"], { client })).stdout) as { version: string }).version,
    (JSON.parse((await ekv(["get", "a", "--json"], { client })).stdout) as { version: string }).version,
  ];
  for (const text of printed)
    assert.equal((await ekv(["put", "a", "b", "--if-version", text], { client })).code, 0);
  assert.deepEqual(given.slice(2), [version, version, version]);
});

test("a refused condition says the present version, in JSON as --if-version takes it", async () => {
  const refused = new EkvError("CONDITION_FAILED", "the key is at version 3.17, not 3.16", {
    current: version,
  });
  const client = { put: () => Promise.reject(refused) };
  const text = await ekv(["put", "a", "b", "--if-version", "3.16"], { client });
  assert.equal(text.code, 4);
  assert.equal(text.stderr, "ekv: the key is at version 3.17, not 3.16\n");
  const json = await ekv(["put", "a", "b", "--if-version", "3.16", "--json"], { client });
  const { error } = JSON.parse(json.stderr) as { error: { code: string; current: string } };
  assert.deepEqual([error.code, error.current], ["CONDITION_FAILED", "3.17"]);
});

test("a time to live of 0 is refused, as by the SDK", async () => {
  const { code, stderr } = await ekv(["put", "a", "b", "--ttl-ms", "0"], { client: memoryClient().client });
  assert.equal(code, 2);
  assert.match(stderr, /from 1 to/);
});

test("an argument whose bytes were not UTF-8 is refused: Node has put the same character in place of each", async () => {
  const { client, data } = memoryClient();
  for (const args of [
    ["get", "\ufffdx"],
    ["put", "\ufffdx", "v"],
    ["put", "k", "\ufffdx"],
    ["del", "\ufffdx"],
    ["scan", "\ufffdx"],
  ]) {
    const { code, stderr } = await ekv(args, { client });
    assert.equal(code, 2, args.join(" "));
    assert.match(stderr, /not UTF-8; give it/);
  }
  assert.equal(data.size, 0);
});

test("a failed call says why and what to do", async () => {
  const failing = (code: ErrorCode): object => ({ put: () => Promise.reject(new EkvError(code, "because")) });
  const unknown = await ekv(["put", "a", "b"], { client: failing("OUTCOME_UNKNOWN") });
  assert.equal(unknown.code, 6);
  assert.match(unknown.stderr, /^ekv: because\n.*read before writing again/);
  assert.equal((await ekv(["put", "a", "b"], { client: failing("CONDITION_FAILED") })).code, 4);
  assert.match((await ekv(["put", "a", "b"], { client: failing("UNAVAILABLE") })).stderr, /ekv up/);
});

test("scan escapes what a terminal would obey, and counts", async () => {
  const { data, client } = memoryClient();
  data.set("a\tb", Buffer.from("x\ny\\"));
  data.set("\u00ff", Buffer.from("z"));
  assert.equal((await ekv(["scan"], { client })).stdout, "a\\tb\tx\\ny\\\\\n\\xff\tz\n");
  assert.equal((await ekv(["scan", "--keys-only"], { client })).stdout, "a\\tb\n\\xff\n");
  assert.equal((await ekv(["scan", "--count"], { client })).stdout, "2\n");
  const lines = (await ekv(["scan", "--json"], { client })).stdout.trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as unknown),
    [
      { key: "a\tb", value: "x\ny\\", version: "3.17", expiresAtMs: 0 },
      { key64: "/w==", value: "z", version: "3.17", expiresAtMs: 0 },
    ],
  );
});

test("import writes every entry, keeps times to live and leaves out what has expired", async () => {
  const { data, ttls, client } = memoryClient();
  const stdin = [
    '{"key":"a","value":"1"}',
    '{"key64":"/w==","value64":"AAE="}',
    `{"key":"later","value":"","expiresAtMs":${Date.now() + 3_600_000}}`,
    '{"key":"over","value":"","expiresAtMs":1}',
  ].join("\n");
  const { code, stdout } = await ekv(["import", "-", "--json"], { client, stdin });
  assert.equal(code, 0);
  const { durationMs, ...result } = JSON.parse(stdout) as Record<string, unknown>;
  assert.equal(typeof durationMs, "number");
  assert.deepEqual(result, { imported: 3, bad: 0, expired: 1, repeated: 0, interrupted: false });
  assert.deepEqual([...data.keys()], ["a", "\u00ff", "later"]);
  assert.ok(ttls.length === 1 && (ttls[0] ?? 0) > 3_500_000);
});

test("import ends at a bad line with its number, or skips and counts it", async () => {
  const stdin = '{"key":"a","value":"1"}\nnonsense\n{"key":"","value":""}\n{"key":"b","value":"2"}\n';
  const strict = memoryClient();
  const refused = await ekv(["import", "-"], { client: strict.client, stdin });
  assert.equal(refused.code, 2);
  assert.equal(refused.stderr, "ekv: line 2: is not JSON (1 key imported before)\n");
  const lenient = memoryClient();
  const skipped = await ekv(["import", "-", "--skip-bad"], { client: lenient.client, stdin });
  assert.equal(skipped.code, 0);
  assert.match(skipped.stdout, /^Imported 2 keys .*; 2 bad lines skipped\.\n$/);
  assert.match(skipped.stderr, /line 2: is not JSON\nline 3: key: is empty\n/);
  assert.deepEqual([...lenient.data.keys()], ["a", "b"]);
});

test("import says which line's write failed, with the code of the failure", async () => {
  const client = { put: () => Promise.reject(new EkvError("OUTCOME_UNKNOWN", "cut off")) };
  const args = ["import", "-", "--repeat-for-ms", "0"];
  const { code, stderr } = await ekv(args, { client, stdin: '\n{"key":"a","value":""}\n' });
  assert.equal(code, 6);
  assert.match(stderr, /line 2: cut off \(0 keys imported before\)/);
});

test("import repeats writes that meet a store that is away, and counts each line once", async () => {
  const data = new Map<string, Buffer>();
  const codes = ["OUTCOME_UNKNOWN", "UNAVAILABLE", "DEADLINE_EXCEEDED"] as const;
  let attempts = 0;
  const put = (key: Buffer, value: Buffer): Promise<typeof version> => {
    // The write happens, and its answer is lost.
    data.set(key.toString(), value);
    const code = codes[attempts++];
    return code ? Promise.reject(new EkvError(code, "store-1 is gone")) : Promise.resolve(version);
  };
  const stdin = '{"key":"a","value":"1"}\n{"key":"a","value":"2"}\n{"key":"b","value":"3"}\n';
  const { code, stdout, stderr } = await ekv(["import", "-"], { client: { put }, stdin });
  assert.equal(code, 0);
  assert.match(stdout, /^Imported 3 keys .*; 3 writes repeated\.\n$/);
  assert.equal(stderr.match(/A write failed \(store-1 is gone\)/g)?.length, 1);
  assert.deepEqual(data.get("a"), Buffer.from("2"), "the last line of a key wins, whatever was repeated");
  assert.deepEqual(data.get("b"), Buffer.from("3"));
});

test("import repeats many writes at once without a warning of listeners", async () => {
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning.name);
  process.on("warning", onWarning);
  try {
    let attempts = 0;
    const put = (): Promise<typeof version> => {
      attempts += 1;
      return attempts <= 40
        ? Promise.reject(new EkvError("UNAVAILABLE", "store-1 is gone"))
        : Promise.resolve(version);
    };
    const stdin = Array.from({ length: 40 }, (_, i) => `{"key":"k${i}","value":""}\n`).join("");
    const { stdout } = await ekv(["import", "-"], { client: { put }, stdin });
    assert.match(stdout, /^Imported 40 keys .*; 40 writes repeated\.\n$/);
    assert.deepEqual(warnings, []);
  } finally {
    process.off("warning", onWarning);
  }
});

test("import does not repeat what would fail again", async () => {
  let attempts = 0;
  const put = (): Promise<never> => {
    attempts += 1;
    return Promise.reject(new EkvError("RESOURCE_EXHAUSTED", "the disk is full"));
  };
  const { code, stderr } = await ekv(["import", "-"], { client: { put }, stdin: '{"key":"a","value":""}\n' });
  assert.deepEqual([code, attempts], [1, 1]);
  assert.match(stderr, /line 1: the disk is full \(0 keys imported before\)/);
});

test("what export writes, import reads, in both formats", async () => {
  await inFolder(async (folder) => {
    const { data, client } = memoryClient();
    for (let i = 0; i < 5000; i += 1) data.set(`key-${i}\u00ff`, Buffer.from([i & 255, i >> 8, 10, 13, 34]));
    for (const [name, ...options] of [["a.ndjson"], ["a.csv", "--encoding", "base64"]]) {
      const path = join(folder, name ?? "");
      assert.equal((await ekv(["export", path, ...options], { client })).code, 0);
      const copy = memoryClient();
      assert.equal((await ekv(["import", path, ...options], { client: copy.client })).code, 0);
      assert.deepEqual(copy.data, data);
    }
  });
});

test("an export that fails leaves no file, and the old one in place", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.csv");
    await writeFile(path, "old");
    const { data, client } = memoryClient();
    data.set("\u00ff", Buffer.from(""));
    const { code, stderr } = await ekv(["export", path], { client });
    assert.equal(code, 2);
    assert.match(stderr, /--encoding base64/);
    assert.deepEqual(await readdir(folder), ["a.csv"]);
    assert.equal(await readFile(path, "utf8"), "old");
  });
});

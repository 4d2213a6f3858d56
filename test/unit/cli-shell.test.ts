import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { openHistory } from "../../cli/shell/history.js";
import { quoteWord, splitWords } from "../../cli/shell/words.js";
import { ekv } from "../support/cli-terminal.js";

test("a line is cut into words as a shell does", () => {
  assert.deepEqual(splitWords(`put  a\tb`).words, ["put", "a", "b"]);
  assert.deepEqual(splitWords(`put 'a "b\\' "c \\" \\\\ \\n"`).words, ["put", 'a "b\\', 'c " \\ \\n']);
  assert.deepEqual(splitWords(`a\\ b '' "x"y`).words, ["a b", "", "xy"]);
  assert.throws(() => splitWords("put 'a"), /does not end/);
});

test("the open word is where completion goes on", () => {
  assert.deepEqual(splitWords("get us", { partial: true }), {
    words: ["get", "us"],
    openWord: true,
    lastStart: 4,
  });
  assert.deepEqual(splitWords("get ", { partial: true }), { words: ["get"], openWord: false, lastStart: 4 });
});

test("any words can be quoted and read back", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" })), (words) => {
      assert.deepEqual(splitWords(words.map(quoteWord).join(" ")).words, words);
    }),
  );
});

test("lines from stdin run on one session; the last one's exit status counts", async () => {
  const calls: string[] = [];
  const client = {
    getEntry: (key: unknown) => {
      calls.push(String(key));
      return Promise.resolve(undefined);
    },
    delete: () => Promise.resolve(true),
  };
  const failed = await ekv(["shell"], { client, stdin: "# a comment\n\ndel a\nget 'b c'\n" });
  assert.equal(failed.code, 3);
  assert.deepEqual(calls, ["b c"]);
  assert.match(failed.stderr, /there is no key b c/);
  const fine = await ekv(["shell"], { client, stdin: "get b\nekv del a --json\nexit\nget c\n" });
  assert.equal(fine.code, 0);
  assert.equal(fine.stdout, '{"key":"a","deleted":true}\n');
});

test("a bad line of the shell is reported and the next one runs", async () => {
  const client = { delete: () => Promise.resolve(true) };
  const { code, stderr } = await ekv(["shell"], { client, stdin: "nonsense\nput a\ndel 'x\ndel a\n" });
  assert.equal(code, 0);
  assert.match(stderr, /unknown command 'nonsense'[^]*value: is missing[^]*does not end/);
});

test("a shell whose history cannot be read or written opens, says so once, and runs", async () => {
  const folder = await mkdtemp(join(tmpdir(), "ekv-shell-"));
  try {
    const { code, stdout, stderr } = await ekv(["shell"], {
      client: { delete: () => Promise.resolve(true) },
      stdin: "del a --json\nexit\n",
      stdinIsTerminal: true,
      environment: { EKV_HISTORY: folder },
    });
    assert.equal(code, 0);
    assert.match(stdout, /"deleted":true/);
    assert.equal(stderr, `The history is not kept: ${folder}: is a folder\n`);

    const problems: string[] = [];
    const missing = join(folder, "missing", "history");
    const unwritable = await openHistory({ EKV_HISTORY: missing }, (text) => problems.push(text));
    await unwritable.save(["get a"]);
    assert.deepEqual(problems, [`The history is not kept: ${missing}: no such file or folder`]);

    const path = join(folder, "history");
    const kept = await openHistory({ EKV_HISTORY: path }, (text) => problems.push(text));
    await kept.save(["newest", "oldest"]);
    assert.deepEqual((await openHistory({ EKV_HISTORY: path }, assert.fail)).lines, ["newest", "oldest"]);
    assert.deepEqual(await readdir(folder), ["history"]);
    assert.equal(problems.length, 1);
  } finally {
    await rm(folder, { recursive: true });
  }
});

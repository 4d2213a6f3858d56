import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
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

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { csvHeader, encodeCsv, readCsv } from "../../cli/transfer/csv.js";
import { escapeBytes } from "../../cli/key-text.js";
import type { CsvEncoding, ReadItem } from "../../cli/transfer/entry.js";
import { splitLines } from "../../cli/transfer/lines.js";
import { decodeNdjson, encodeNdjson, readNdjson } from "../../cli/transfer/ndjson.js";
import { Window } from "../../cli/transfer/window.js";
import { limits } from "../../services/core/limits.js";
import { collect, entriesOf, inPieces, requireRoundTrip } from "../support/transfer-formats.js";

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const text = fc.string({ unit: "binary", maxLength: 40 }).map((value) => Buffer.from(value, "utf8"));
/** Characters that CSV and JSON treat specially, often. */
const awkward = fc
  .string({
    unit: fc.constantFrom("\r", "\n", '"', ",", "\\", "\ufeff", " ", "a", "\0", "\u2028"),
    maxLength: 12,
  })
  .map((value) => Buffer.from(value, "utf8"));
const textEntries = fc.array(
  fc.record(
    { key: fc.oneof(text, awkward), value: fc.oneof(text, awkward), expiresAtMs: fc.constant(0) },
    { noNullPrototype: true },
  ),
  { maxLength: 20 },
);
const anyEntries = fc.array(
  fc.record(
    {
      key: fc.oneof(bytes, text, awkward),
      value: fc.oneof(bytes, text, awkward),
      expiresAtMs: fc.oneof(fc.constant(0), fc.integer({ min: 1 })),
    },
    { noNullPrototype: true },
  ),
  { maxLength: 20 },
);

function readCsvText(content: string | Buffer, encoding: CsvEncoding = "text"): Promise<ReadItem[]> {
  return collect(readCsv(inPieces(Buffer.from(content), 7), encoding));
}

test("NDJSON gives back every entry, whatever its bytes, however the stream breaks", async () => {
  await fc.assert(
    fc.asyncProperty(anyEntries, fc.integer({ min: 1, max: 64 }), async (entries, size) => {
      const content = Buffer.from(entries.map(encodeNdjson).join(""));
      assert.deepEqual(entriesOf(await collect(readNdjson(inPieces(content, size)))), entries);
    }),
  );
});

test("CSV as text gives back every entry of text", async () => {
  await fc.assert(
    fc.asyncProperty(textEntries, fc.integer({ min: 1, max: 64 }), async (entries, size) => {
      const content = Buffer.from(csvHeader + entries.map((entry) => encodeCsv(entry, "text")).join(""));
      assert.deepEqual(entriesOf(await collect(readCsv(inPieces(content, size), "text"))), entries);
    }),
  );
});

test("CSV in base64 gives back every entry but its expiry", async () => {
  await fc.assert(
    fc.asyncProperty(anyEntries, fc.integer({ min: 1, max: 64 }), async (entries, size) => {
      const content = Buffer.from(csvHeader + entries.map((entry) => encodeCsv(entry, "base64")).join(""));
      const expected = entries.map((entry) => ({ ...entry, expiresAtMs: 0 }));
      assert.deepEqual(entriesOf(await collect(readCsv(inPieces(content, size), "base64"))), expected);
    }),
  );
});

test("a value of the default limit comes back from every format, whatever its bytes", async () => {
  for (const filler of [0xff, 0x01, 0x22]) await requireRoundTrip("ndjson", limits.valueBytesMax, filler);
  await requireRoundTrip("csv as text", limits.valueBytesMax, 0x0a);
  await requireRoundTrip("csv in base64", limits.valueBytesMax, 0xff);
});

test("bytes are escaped in steps that leave no seam", () => {
  for (const sample of ["a\\b\n\u0085\u2028\u{1f600}", Buffer.from([0xff, 0x5c, 0x09, 0x41, 0x00])]) {
    const piece = Buffer.from(sample);
    const count = Math.ceil(200_000 / piece.length);
    const whole = escapeBytes(Buffer.concat(Array.from({ length: count }, () => piece)));
    assert.ok(whole === escapeBytes(piece).repeat(count));
  }
});

test("a byte-order mark that comes in pieces is passed over, and only at the beginning", async () => {
  const mark = "\ufeff";
  for (const size of [1, 2, 3, 4, 100]) {
    const csv = Buffer.from(`${mark}key,value\n${mark}a,${mark}\n`);
    const [fromCsv] = entriesOf(await collect(readCsv(inPieces(csv, size), "text")));
    assert.deepEqual([fromCsv?.key.toString(), fromCsv?.value.toString()], [`${mark}a`, mark]);
    const ndjson = Buffer.from(`${mark}{"key":"a","value":""}\n`);
    assert.equal(entriesOf(await collect(readNdjson(inPieces(ndjson, size)))).length, 1);
    assert.deepEqual(await collect(readNdjson(inPieces(Buffer.from(mark), size))), []);
  }
});

test("NDJSON names text as text and other bytes as base64", () => {
  const line = encodeNdjson({ key: Buffer.from("käse"), value: Buffer.from([0xff, 0]), expiresAtMs: 5 });
  assert.equal(line, '{"key":"käse","value64":"/wA=","expiresAtMs":5}\n');
});

test("a bad NDJSON line says its number and what is wrong, and the next is read", async () => {
  const lines = [
    '\ufeff{"key":"a","value":"1"}',
    "",
    "nonsense",
    "[1]",
    '{"key":"a"}',
    '{"key":"a","value":1}',
    '{"key":"a","value64":"?"}',
    '{"key":"a","key64":"YQ==","value":""}',
    '{"key":"\\ud800","value":""}',
    '{"key":"a","value":"","expiresAtMs":-1}',
    '{"key":"b","value":""}\r',
  ];
  const items = await collect(readNdjson(inPieces(Buffer.from(lines.join("\n")), 5)));
  const seen = items.map((item) => `${item.line} ${"problem" in item ? item.problem : "ok"}`);
  assert.deepEqual(seen, [
    "1 ok",
    "3 is not JSON",
    '4 is not an object such as {"key":"a","value":"b"}',
    "5 value: is missing; give value or value64",
    "6 value: must be a string",
    "7 value64: is not base64",
    "8 key: is given twice, in key and key64",
    "9 key: holds a lone surrogate, which is not text; give bytes in key64",
    "10 expiresAtMs: must be a whole number of Unix milliseconds",
    "11 ok",
  ]);
  assert.throws(() => decodeNdjson(Buffer.from([0x22, 0xff, 0x22])), /not UTF-8/);
});

test("a bad CSV record says its line and what is wrong, and the next is read", async () => {
  const content = Buffer.concat([
    Buffer.from('value,key\r\n1,a\r\n"two\nlines",b\nonly\n1,2,3\n'),
    Buffer.from([0xff, 0x2c, 0x61, 0x0a]),
    Buffer.from("x,c\n"),
  ]);
  const seen = (await readCsvText(content)).map((item) =>
    "problem" in item
      ? `${item.line} ${item.problem}`
      : `${item.line} ${item.entry.key.toString()}=${item.entry.value.toString()}`,
  );
  assert.deepEqual(seen, [
    "2 a=1",
    "3 b=two\nlines",
    "5 has 1 field instead of 2",
    "6 has 3 fields instead of 2",
    "7 value: is not UTF-8; use --encoding base64",
    "8 c=x",
  ]);
});

test("a misplaced quote in CSV is a problem, not data", async () => {
  const items = await readCsvText('key,value\na,b"c\nd,e\n"never closed,1\n');
  const problems = items.flatMap((item) => ("problem" in item ? [`${item.line} ${item.problem}`] : []));
  assert.equal(problems[0], "2 a quote inside an unquoted field; quote the field and double its quotes");
  assert.match(problems.at(-1) ?? "", /a quoted field does not end$/);
});

test("CSV needs its header, and an empty file holds nothing", async () => {
  await assert.rejects(readCsvText("a,b\n"), /line 1: the header must be key,value/);
  assert.deepEqual(await readCsvText(""), []);
  assert.deepEqual(await readCsvText("\ufeffkey,value\n"), []);
});

test("bytes that are no text are refused in CSV without base64", () => {
  const entry = { key: Buffer.from([0xff]), value: Buffer.from("a"), expiresAtMs: 0 };
  assert.throws(() => encodeCsv(entry, "text"), /--encoding base64/);
});

test("a line that is too long is reported without being held, and the next is read", async () => {
  const lines = await collect(splitLines(inPieces(Buffer.from(`${"x".repeat(100)}\nok\n`), 9), 50));
  assert.deepEqual(
    lines.map(({ number, bytes: line }) => [number, line?.toString()]),
    [
      [1, undefined],
      [2, "ok"],
    ],
  );
});

test("a window starts no more than it may, and lets a big call go alone", async () => {
  const window = new Window(2, 100);
  const log: string[] = [];
  const release: (() => void)[] = [];
  const start = (name: string, size: number): Promise<void> =>
    window.start(size, async () => {
      log.push(name);
      await new Promise<void>((resolve) => {
        release.push(resolve);
      });
    });
  await start("a", 10);
  await start("b", 10);
  const third = start("big", 1000);
  assert.deepEqual(log, ["a", "b"]);
  release.shift()?.();
  release.shift()?.();
  await third;
  assert.deepEqual(log, ["a", "b", "big"]);
  release.shift()?.();
  await window.drain();
});

test("a window keeps the first failure and starts nothing after it", async () => {
  const window = new Window(1, 100);
  let started = 0;
  await window.start(1, () => Promise.reject(new Error("first")));
  await window.start(1, () => {
    started += 1;
    return Promise.resolve();
  });
  assert.equal(window.failed, true);
  assert.equal(started, 0);
  await assert.rejects(window.drain(), /first/);
});

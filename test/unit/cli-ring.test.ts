import assert from "node:assert/strict";
import { test } from "node:test";
import { paletteFor } from "../../cli/output.js";
import { drawRing, formatRanges, ringCells, ringShares } from "../../cli/ring-drawing.js";
import type { DescribeRingResponse, RingRange } from "../../services/gen/elastickv/v1/master.js";

const plain = paletteFor({ colour: false });
const ringSize = 2 ** 32;

function rangeOf(start: number, end: number, of: number, storeId: string): RingRange {
  return {
    range: { start: (start * ringSize) / of, end: (end * ringSize) / of },
    storeId,
    partitions: end - start,
    keys: (end - start) * 1000,
    bytes: (end - start) * 100_000,
  };
}

function ringOf(partitionCount: number, ranges: RingRange[]): DescribeRingResponse {
  return { partitionCount, topologyVersion: 7, ranges };
}

test("a contiguous ring is drawn as one row of letters with its shares", () => {
  const ring = ringOf(16, [
    rangeOf(0, 8, 16, "store-1"),
    rangeOf(8, 12, 16, "store-2"),
    rangeOf(12, 16, 16, "store-10"),
  ]);
  assert.equal(
    drawRing(ring, { columns: 80, palette: plain }),
    [
      "16 partitions, topology version 7",
      "",
      "00000000  AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCC",
      "",
      "   STORE     SHARE   KEYS  PARTITIONS  RANGES    BYTES",
      "A  store-1   50.0%  8,000           8       1  781 KiB",
      "B  store-2   25.0%  4,000           4       1  391 KiB",
      "C  store-10  25.0%  4,000           4       1  391 KiB",
      "",
    ].join("\n"),
  );
});

test("a range that crosses the end of the ring counts as one", () => {
  const ring = ringOf(16, [
    rangeOf(0, 2, 16, "store-1"),
    rangeOf(2, 12, 16, "store-2"),
    rangeOf(12, 16, 16, "store-1"),
  ]);
  const counts = ringShares(ring).map(({ storeId, ranges, partitions }) => [storeId, ranges, partitions]);
  assert.deepEqual(counts, [
    ["store-1", 1, 6],
    ["store-2", 1, 10],
  ]);
  assert.equal(ringShares(ringOf(16, [rangeOf(0, 16, 16, "store-1")]))[0]?.ranges, 1);
});

test("a narrow terminal gets shorter rows without labels, and fewer columns", () => {
  const owners = ["b", "a", "", "a"];
  const ring = ringOf(
    32,
    Array.from({ length: 32 }, (_, i) => rangeOf(i, i + 1, 32, owners[i % 4] ?? "")),
  );
  const lines = drawRing(ring, { columns: 30, palette: plain }).split("\n").slice(2, 7);
  assert.deepEqual(lines, [
    "BA.ABA.ABA.ABA.A",
    "BA.ABA.ABA.ABA.A",
    "",
    "   STORE         SHARE    KEYS",
    "A  a             50.0%  16,000",
  ]);
});

test("what nobody owns is listed last and drawn as dots", () => {
  const ring = ringOf(4, [rangeOf(0, 1, 4, "s"), rangeOf(1, 4, 4, "")]);
  const lines = drawRing(ring, { columns: 80, palette: plain }).trimEnd().split("\n");
  assert.match(lines[2] ?? "", /^00000000 {2}A{16}\.{48}$/);
  assert.match(lines.at(-1) ?? "", /^\. {2}\(unassigned\) +75\.0%/);
});

test("colour surrounds runs of cells and changes no letter", () => {
  const ring = ringOf(2, [rangeOf(0, 1, 2, "a"), rangeOf(1, 2, 2, "b")]);
  const drawn = drawRing(ring, { columns: 80, palette: paletteFor({ colour: true }) });
  const [first, second] = ["A".repeat(32), "B".repeat(32)];
  assert.ok(
    drawn.includes(`\u001b[30;48;5;75m${first}\u001b[39;49m\u001b[30;48;5;114m${second}\u001b[39;49m`),
  );
});

test("a cell belongs to who holds most of it", () => {
  const ring = ringOf(16, [
    rangeOf(0, 3, 16, "a"),
    rangeOf(3, 4, 16, "b"),
    rangeOf(4, 5, 16, "a"),
    rangeOf(5, 16, 16, "b"),
  ]);
  assert.deepEqual(ringCells(ring, 4), ["a", "b", "b", "b"]);
});

test("shares of a full ring add up to one", () => {
  const ring = ringOf(
    1024,
    Array.from({ length: 1024 }, (_, i) => rangeOf(i, i + 1, 1024, `store-${i % 7}`)),
  );
  const shares = ringShares(ring);
  assert.equal(shares.length, 7);
  assert.equal(
    shares.reduce((sum, { share }) => sum + share, 0),
    1,
  );
  assert.equal(
    shares.reduce((sum, { partitions }) => sum + partitions, 0),
    1024,
  );
});

test("ranges are listed with their hashes, the last ending at 2^32", () => {
  const ring = ringOf(4, [rangeOf(0, 2, 4, "a"), rangeOf(2, 4, 4, "b")]);
  assert.equal(
    formatRanges(ring, plain),
    [
      "START     END        STORE  SHARE  PARTITIONS   KEYS    BYTES",
      "00000000  80000000   a      50.0%           2  2,000  195 KiB",
      "80000000  100000000  b      50.0%           2  2,000  195 KiB",
      "",
    ].join("\n"),
  );
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { NumberWriter } from "../../services/wire/number-writer.js";

describe("64-bit numbers", () => {
  const edges = [
    0,
    1,
    127,
    128,
    2 ** 14 - 1,
    2 ** 28,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 41 + 3,
  ];
  for (const value of [...edges, Number.MAX_SAFE_INTEGER, "17", 18n, 2n ** 64n - 1n]) {
    it(`are written as by the library: ${typeof value} ${value}`, () => {
      assert.deepEqual(new NumberWriter().uint64(value).finish(), new BinaryWriter().uint64(value).finish());
    });
  }

  for (const value of [-1, 1.5, NaN, Infinity]) {
    it(`are refused as by the library: ${value}`, () => {
      assert.throws(() => new BinaryWriter().uint64(value));
      assert.throws(() => new NumberWriter().uint64(value));
    });
  }
});

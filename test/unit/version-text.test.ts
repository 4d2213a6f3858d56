import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { limits } from "../../services/core/limits.js";
import { formatVersion, parseVersion, versionOf } from "../../services/core/version-text.js";

describe("a version as text", () => {
  it("is read as it was written, up to the greatest", () => {
    for (const [epoch, seq] of [
      [0, 0],
      [3, 17],
      [limits.epochMax, Number.MAX_SAFE_INTEGER],
    ] as const) {
      const version = versionOf(epoch, seq);
      assert.ok(version);
      assert.deepEqual(parseVersion(formatVersion(version)), version);
    }
  });

  it("is nothing else", () => {
    for (const text of [
      "",
      "3",
      "3.",
      ".17",
      "3.17 ",
      "-3.17",
      "3.1e3",
      "3,17",
      "99999999999.1",
      "1.9007199254740993",
    ]) {
      assert.equal(parseVersion(text), undefined, text);
    }
  });

  it("takes numbers and bigints that a write can have", () => {
    assert.deepEqual(versionOf(3n, 17n), { epoch: 3, seq: 17 });
    for (const wrong of [-1, 0.5, NaN, Infinity, 2 ** 53, 2n ** 60n, "1", null, undefined, {}]) {
      assert.equal(versionOf(wrong, 1), undefined);
      assert.equal(versionOf(1, wrong), undefined);
    }
    assert.equal(versionOf(limits.epochMax + 1, 1), undefined);
  });
});

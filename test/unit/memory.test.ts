import assert from "node:assert/strict";
import { test } from "node:test";
import { availableMemory, decideMemoryBytesMax } from "../../services/runtime/memory.js";

const gibibyte = 2 ** 30;

test("a store takes the memory that it is given, else half of what is there, 1 GiB at most", () => {
  assert.equal(decideMemoryBytesMax(5, gibibyte), 5);
  assert.equal(decideMemoryBytesMax(3 * gibibyte, gibibyte), 3 * gibibyte);
  assert.equal(decideMemoryBytesMax(0, gibibyte), gibibyte / 2);
  assert.equal(decideMemoryBytesMax(0, 64 * gibibyte), gibibyte);
  assert.ok(availableMemory() > 0);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { decideDataSettings, engineViolation } from "../../services/core/data-settings.js";

test("data keeps its engine and never loses durability; both values and the fix are named", () => {
  const durable = { engine: "log", durability: "fsync" } as const;
  assert.deepEqual(decideDataSettings({}, {}, "d"), { engine: "log", durability: "commit" });
  assert.deepEqual(decideDataSettings({}, { engine: "memory" }, "d"), {
    engine: "memory",
    durability: "commit",
  });
  assert.deepEqual(decideDataSettings(durable, {}, "d"), durable);
  assert.deepEqual(
    decideDataSettings({ ...durable, durability: "commit" }, { durability: "fsync" }, "d"),
    durable,
  );
  assert.deepEqual(decideDataSettings(durable, { engine: "memory" }, "d"), {
    refusal:
      "the data in d is kept with --engine log, and --engine memory was given: leave --engine out, or choose another " +
      "folder with --data",
  });
  assert.deepEqual(decideDataSettings(durable, { durability: "commit" }, "d"), {
    refusal:
      "writes to the data in d were acknowledged with --durability fsync, and --durability commit was given: leave " +
      "--durability out, or choose another folder with --data",
  });
});

test("the engine of former versions is refused with the name of its successor", () => {
  assert.match(engineViolation("lmdb") ?? "", /successor is log/);
  assert.equal(engineViolation("rocks"), "give one of: log, memory");
  assert.deepEqual(["log", "memory"].map(engineViolation), [undefined, undefined]);
});

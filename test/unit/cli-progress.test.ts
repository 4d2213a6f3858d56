import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { operationOutcome, operationProgress } from "../../cli/operation-view.js";
import { drawBar, etaMsOf, formatProgress, RateMeter } from "../../cli/progress.js";
import { formatBytes, formatCount, formatDuration, formatShort } from "../../cli/quantities.js";
import { OperationKind, OperationState, type Operation } from "../../services/gen/elastickv/v1/master.js";

const operation: Operation = {
  id: "op-7",
  kind: OperationKind.ADD_STORE,
  state: OperationState.RUNNING,
  storeId: "store-4",
  createdAtMs: 1000,
  startedAtMs: 2000,
  finishedAtMs: 0,
  movesTotal: 256,
  movesDone: 64,
  movesFailed: 0,
  keysTotal: 100_000,
  keysMoved: 25_000,
  bytesTotal: 10_000_000,
  bytesMoved: 2_500_000,
  message: "",
  moves: [],
  movesMinimum: 256,
  pauses: undefined,
};

test("quantities read as people write them", () => {
  assert.equal(formatCount(1_234_567), "1,234,567");
  assert.deepEqual([0, 999, 1000, 1536, 1_048_576, 5e12].map(formatBytes), [
    "0 B",
    "999 B",
    "1.0 KiB",
    "1.5 KiB",
    "1.0 MiB",
    "4.5 TiB",
  ]);
  assert.deepEqual([0, 999, 12_345, 999_999, 4_500_000].map(formatShort), [
    "0",
    "999",
    "12.3k",
    "1.0M",
    "4.5M",
  ]);
  assert.deepEqual([0, 850, 6000, 59_600, 125_000, 3_780_000, 187_200_000].map(formatDuration), [
    "0 ms",
    "850 ms",
    "6 s",
    "1 min",
    "2 min 5 s",
    "1 h 3 min",
    "2 d 4 h",
  ]);
});

test("a rate looks at the last seconds only", () => {
  const meter = new RateMeter(10_000);
  assert.equal(meter.perSecond(), 0);
  for (let second = 0; second <= 60; second += 1) {
    meter.add(second < 30 ? 0 : (second - 30) * 500, second * 1000);
  }
  assert.equal(meter.perSecond(), 500);
  for (let second = 61; second <= 75; second += 1) meter.add(15_000, second * 1000);
  assert.equal(meter.perSecond(), 0);
});

test("the time to go is unknown without a rate and zero at the end", () => {
  assert.equal(etaMsOf(50, 100, 0), undefined);
  assert.equal(etaMsOf(50, 100, 10), 5000);
  assert.equal(etaMsOf(100, 100, 0), 0);
});

test("a bar fills from left to right", () => {
  assert.equal(drawBar(0.25, 8, true), "██░░░░░░");
  assert.equal(drawBar(2, 4, false), "####");
  assert.equal(drawBar(-1, 4, false), "----");
});

test("an operation's progress shows moves, keys, rate and time to go", () => {
  const meter = new RateMeter();
  meter.add(15_000, 0);
  meter.add(25_000, 2000);
  const view = operationProgress(operation, meter);
  assert.equal(
    formatProgress(view, 120, true),
    "add-store store-4 [████████░░░░░░░░░░░░░░░░░░░░░░] 64/256 moves · 25,000/100,000 keys · 5.0k keys/s · ETA 15 s",
  );
  assert.equal(formatProgress(view, 60, false), "add-store store-4 64/256 moves, 25,000/100,000 keys");
  assert.equal(formatProgress(view, 10, false), "add-store");
});

test("a line of progress is never wider than the terminal", () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 20 }),
      fc.array(fc.string({ maxLength: 20 }), { maxLength: 5 }),
      fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
      fc.integer({ min: 2, max: 200 }),
      (title, parts, fraction, columns) => {
        assert.ok(formatProgress({ title, parts, fraction }, columns, true).length < columns);
      },
    ),
  );
});

test("a paused operation says so and shows no rate", () => {
  const view = operationProgress({ ...operation, state: OperationState.PAUSED }, new RateMeter());
  assert.deepEqual(view.parts, ["paused", "64/256 moves", "25,000/100,000 keys"]);
});

test("a pending operation shows what it waits for", () => {
  const pending = {
    ...operation,
    state: OperationState.PENDING,
    movesTotal: 0,
    keysTotal: 0,
    message: "waits for op-6",
  };
  assert.deepEqual(operationProgress(pending, new RateMeter()), {
    title: "add-store store-4",
    fraction: undefined,
    parts: ["pending", "waits for op-6"],
  });
});

test("the outcome names what was done, or why not", () => {
  const done = {
    ...operation,
    state: OperationState.SUCCEEDED,
    movesDone: 256,
    keysMoved: 100_000,
    finishedAtMs: 8000,
  };
  assert.equal(
    operationOutcome(done),
    "add-store store-4 succeeded: 256 partitions and 100,000 keys moved in 6 s.",
  );
  assert.equal(
    operationOutcome({ ...done, kind: OperationKind.REBALANCE, storeId: "", movesTotal: 0 }),
    "rebalance succeeded: nothing had to move.",
  );
  assert.equal(
    operationOutcome({ ...operation, state: OperationState.FAILED, message: "target disk full" }),
    "add-store store-4 failed: target disk full (64/256 moves done).",
  );
});

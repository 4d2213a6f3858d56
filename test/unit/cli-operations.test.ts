import assert from "node:assert/strict";
import { test } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import { OperationKind, OperationState, type Operation } from "../../services/gen/elastickv/v1/master.js";
import { ekv } from "../support/cli-terminal.js";

const operation: Operation = {
  id: "op-1",
  kind: OperationKind.ADD_STORE,
  state: OperationState.RUNNING,
  storeId: "store-4",
  createdAtMs: 1000,
  startedAtMs: 1000,
  finishedAtMs: 0,
  movesTotal: 2,
  movesDone: 0,
  movesFailed: 0,
  keysTotal: 10,
  keysMoved: 0,
  bytesTotal: 100,
  bytesMoved: 0,
  message: "",
  moves: [],
  movesMinimum: 2,
  pauses: undefined,
};
const succeeded: Operation = {
  ...operation,
  state: OperationState.SUCCEEDED,
  movesDone: 2,
  keysMoved: 10,
  finishedAtMs: 3000,
};

/** An admin whose watch yields each list in turn, and fails in between as a restarting master does. */
function watchedAdmin(...watches: readonly Operation[][]): object {
  let next = 0;
  const answer = { result: { $case: "operation", value: operation } };
  return {
    addStore: () => Promise.resolve(answer),
    getOperation: () => Promise.resolve({ operation }),
    async *watchOperation() {
      await Promise.resolve();
      const seen = watches[next];
      next += 1;
      for (const update of seen ?? []) yield update;
      if (next < watches.length) throw new EkvError("UNAVAILABLE", "connection lost");
    },
  };
}

test("add-store follows its operation to the end, through a restart of the master", async () => {
  const admin = watchedAdmin([operation], [], [succeeded]);
  const { code, stdout, stderr } = await ekv(["add-store"], { admin });
  assert.equal(code, 0);
  assert.equal(stdout, "add-store store-4 succeeded: 2 partitions and 10 keys moved in 2 s.\n");
  assert.equal(stderr.split("The master is away").length, 2);
});

test("an operation that fails or is cancelled is exit status 7", async () => {
  for (const state of [OperationState.FAILED, OperationState.CANCELLED]) {
    const admin = watchedAdmin([{ ...operation, state, message: "as told" }]);
    const { code, stdout } = await ekv(["add-store", "--json"], { admin });
    assert.equal(code, 7);
    const printed = JSON.parse(stdout) as { kind: string; message: string };
    assert.deepEqual([printed.kind, printed.message], ["add-store", "as told"]);
  }
});

test("show tells how long hand-offs held calls up", async () => {
  const pauses = { count: 2, p50Ms: 3.4, p99Ms: 12, maxMs: 12, buckets: [] };
  const admin = { getOperation: () => Promise.resolve({ operation: { ...succeeded, pauses } }) };
  const { stdout } = await ekv(["operations", "show", "op-1"], { admin });
  assert.match(stdout, /^pauses +p50 3 ms, p99 12 ms, longest 12 ms \(2 hand-offs\)$/m);
});

test("watch prints every change as JSON, one a line", async () => {
  const admin = watchedAdmin([{ ...operation, movesDone: 1 }, succeeded]);
  const { code, stdout } = await ekv(["operations", "watch", "op-1", "--json"], { admin });
  assert.equal(code, 0);
  const states = stdout
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { state: string }).state);
  assert.deepEqual(states, ["running", "running", "succeeded"]);
});

test("an interrupt detaches from an operation and says how to watch it again", async () => {
  const interrupt = new AbortController();
  const admin = {
    ...watchedAdmin(),
    async *watchOperation(_request: unknown, { signal }: { signal: AbortSignal }) {
      yield operation;
      interrupt.abort();
      await Promise.resolve();
      throw new EkvError("CANCELLED", "the caller gave up", { cause: signal.reason });
    },
  };
  const { code, stderr } = await ekv(["add-store"], { admin, signal: interrupt.signal });
  assert.equal(code, 130);
  assert.match(stderr, /Watch it again: ekv operations watch op-1/);
});

test("with --no-wait add-store returns at once", async () => {
  const { code, stdout } = await ekv(["add-store", "--no-wait"], { admin: watchedAdmin() });
  assert.equal(code, 0);
  assert.equal(stdout, "Started add-store store-4. Watch it: ekv operations watch op-1\n");
});

test("a dry run sums the plan up by source and target", async () => {
  const move = { keys: 100, bytes: 2048, targetStoreId: "store-3" };
  const plan = {
    moves: [
      { ...move, partition: 1, sourceStoreId: "store-10" },
      { ...move, partition: 2, sourceStoreId: "store-2" },
      { ...move, partition: 3, sourceStoreId: "store-10" },
    ],
    keys: 300,
    bytes: 6144,
    movesMinimum: 3,
  };
  const requests: unknown[] = [];
  const admin = {
    removeStore: (request: unknown) => {
      requests.push(request);
      return Promise.resolve({ result: { $case: "plan" as const, value: plan } });
    },
  };
  const { code, stdout } = await ekv(["remove-store", "store-9", "--dry-run", "--purge"], { admin });
  assert.equal(code, 0);
  assert.deepEqual(requests, [{ storeId: "store-9", dryRun: true, purge: true }]);
  assert.equal(
    stdout,
    [
      "FROM      TO       PARTITIONS  KEYS    BYTES",
      "store-2   store-3           1   100  2.0 KiB",
      "store-10  store-3           2   200  4.0 KiB",
      "total                       3   300  6.0 KiB",
      "",
      "The least that would do: 3 partitions. Nothing was changed (--dry-run).",
      "",
    ].join("\n"),
  );
  const { stdout: json } = await ekv(["remove-store", "store-9", "--dry-run", "--json"], { admin });
  assert.equal((JSON.parse(json) as { flows: unknown[] }).flows.length, 2);
});

test("operations alone lists them, with its options", async () => {
  const requests: unknown[] = [];
  const admin = {
    listOperations: (request: unknown) => {
      requests.push(request);
      return Promise.resolve({ operations: [succeeded] });
    },
  };
  const { stdout } = await ekv(["operations", "--active"], { admin });
  assert.deepEqual(requests, [{ activeOnly: true }]);
  assert.match(stdout, /op-1 +add-store +store-4 +succeeded +2\/2 +10 +1970-01-01 00:00:01/);
});

test("an operation that is over at once is told of once", async () => {
  const over = { ...operation, kind: OperationKind.REBALANCE, storeId: "", movesTotal: 0, movesDone: 0 };
  const ended = { ...over, state: OperationState.SUCCEEDED };
  const admin = {
    rebalance: () => Promise.resolve({ result: { $case: "operation" as const, value: ended } }),
  };
  const { code, stdout, stderr } = await ekv(["rebalance"], { admin });
  assert.equal(code, 0);
  assert.equal(stdout, "rebalance succeeded: nothing had to move.\n");
  assert.equal(stderr, "");
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { brandAs, type OperationId } from "../../services/core/ids.js";
import type { MoveReport } from "../../services/core/master/events.js";
import { readRecords } from "../../services/core/master/state/persistence.js";
import type { PartitionEntry, Topology } from "../../services/core/topology.js";
import { describeEntry } from "../support/describe.js";
import { id, MasterBench } from "../support/master-bench.js";

const storeIds = ["store-1", "store-2", "store-3", "store-4"] as const;

type Command =
  | {
      readonly kind: "start" | "kill" | "work" | "beat" | "load" | "cut" | "reopen" | "nack" | "mute";
      readonly store: number;
    }
  | { readonly kind: "remove" | "cancel" | "pause" | "resume"; readonly store: number }
  | { readonly kind: "tick"; readonly afterMs: number }
  | { readonly kind: "replay"; readonly report: number }
  | { readonly kind: "rebalance" | "restart" };

const onStore = fc.record({
  kind: fc.constantFrom(
    ...([
      "start",
      "kill",
      "work",
      "beat",
      "load",
      "cut",
      "reopen",
      "nack",
      "mute",
      "mute",
      "remove",
      "cancel",
      "pause",
      "resume",
    ] as const),
  ),
  store: fc.nat(3),
});

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("work" as const), store: fc.nat(3) }) },
  { weight: 6, arbitrary: onStore },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("tick" as const), afterMs: fc.constantFrom(100, 500, 2500) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("replay" as const), report: fc.nat(500) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("rebalance" as const, "restart" as const) }) },
);

/** Every report that was ever made comes again now and then. */
class Player {
  readonly bench: MasterBench;
  readonly reports: { readonly store: string; readonly report: MoveReport }[] = [];

  constructor(placement: "balanced" | "contiguous") {
    this.bench = new MasterBench({ partitionCount: 8, initialStores: 2, movesInFlightMax: 3, placement });
  }

  play(next: Command): void {
    const { bench } = this;
    switch (next.kind) {
      case "tick":
        return bench.tick(next.afterMs);
      case "restart":
        return bench.restart();
      case "rebalance":
        bench.ask({ kind: "rebalance", dryRun: false });
        return;
      case "replay": {
        const old = this.reports[next.report % Math.max(1, this.reports.length)];
        if (old) bench.beat(bench.store(old.store), old.report);
        return;
      }
      default:
        this.#playStore(next.kind, storeIds[next.store] ?? "store-1");
    }
  }

  #playStore(
    kind: Exclude<Command["kind"], "tick" | "restart" | "rebalance" | "replay">,
    storeId: string,
  ): void {
    const { bench } = this;
    const store = bench.store(storeId);
    switch (kind) {
      case "start":
        // A process that runs does not run twice on one folder.
        if (store.streamId === undefined) bench.start(storeId);
        return;
      case "kill":
        return bench.kill(storeId);
      case "cut":
        if (store.streamId === undefined) return;
        bench.submit({ kind: "stream-closed", streamId: store.streamId, storeId: store.storeId });
        store.streamId = undefined;
        return;
      case "reopen":
        if (store.streamId !== undefined || store.processId === "" || store.isStopped) return;
        bench.start(storeId, store.processId);
        return;
      case "work":
        return this.#work(storeId);
      case "mute":
        return this.#work(storeId, true);
      case "nack": {
        const order = store.inbox.shift();
        if (order === undefined || !("moveId" in order)) return;
        const { moveId, partition, epoch } = order;
        return bench.beat(store, { moveId, partition, epoch, state: { kind: "nack", reason: "chance" } });
      }
      case "beat":
        return bench.beat(store);
      case "load":
        return bench.beatWithLoad(store);
      case "remove":
        bench.ask({ kind: "remove-store", storeId, purge: false, dryRun: false });
        return;
      case "cancel":
      case "pause":
      case "resume": {
        const active = bench.view.operations().find(({ operation }) => operation.stage.kind !== "finished");
        const operationId = active?.operation.id ?? brandAs<OperationId>("operation-0");
        bench.ask({ kind, operationId });
        return;
      }
    }
  }

  /** Carries an order out; the report may be lost at first and come, or come again, at any later time. */
  #work(storeId: string, muted = false): void {
    const { bench } = this;
    const store = bench.store(storeId);
    const [order] = store.inbox;
    if (order === undefined || !("moveId" in order) || store.streamId === undefined) {
      bench.work(storeId);
      return;
    }
    const { moveId, partition, epoch } = order;
    this.reports.push({
      store: storeId,
      report: { moveId, partition, epoch, state: { kind: "nack", reason: "old" } },
    });
    if (muted) {
      store.inbox.shift();
      const report = store.obey(order);
      if (report) this.reports.push({ store: storeId, report });
    } else bench.work(storeId);
  }
}

function assertSuccession(before: PartitionEntry, after: PartitionEntry): void {
  const members = (entry: PartitionEntry): string => JSON.stringify([entry.primary ?? null, entry.backups]);
  const grown = after.epoch - before.epoch;
  const text = `${describeEntry(before)} then ${describeEntry(after)}`;
  assert.ok(grown === 0 || grown === 1, text);
  if (grown === 0) assert.equal(members(after), members(before), text);
}

function assertInvariants({ bench }: Player, before: Topology): void {
  const { topology } = bench.view;
  assert.ok(topology.version >= before.version && topology.term >= before.term);
  const records = readRecords(bench.committed);
  for (const [index, entry] of topology.partitions.entries()) {
    assertSuccession(before.partitions[index] ?? entry, entry);
    const owners = [...bench.stores.values()].filter((store) => store.owns(entry.partition));
    assert.ok(
      owners.length <= 1,
      `${describeEntry(entry)} is served by ${owners.map(({ storeId }) => storeId).join()}`,
    );
    const moves = records.moves.filter(({ partition }) => partition === entry.partition);
    assert.ok(moves.length <= 1, `partition ${index} is in ${moves.length} moves`);
    const [move] = moves;
    const [learner] = entry.learners;
    const [backup] = entry.backups;
    if (move?.step.kind === "add-learner") {
      assert.deepEqual(learner, { replica: move.step.target, moveId: move.id });
      assert.equal(move.step.epoch, entry.epoch);
    } else assert.equal(learner, undefined, describeEntry(entry));
    if (move?.step.kind === "transfer-primary") {
      assert.deepEqual(backup, move.step.target);
      assert.equal(move.step.epoch, entry.epoch);
    } else assert.equal(backup, undefined, describeEntry(entry));
  }
  // What is committed is all there is: a master restored from it sees the same.
  const { topology: restored, operations } = restoredView(bench);
  assert.equal(JSON.stringify(restored), JSON.stringify(topology));
  assert.equal(
    JSON.stringify(operations),
    JSON.stringify(bench.view.operations().map(({ operation }) => operation)),
  );
}

function restoredView(bench: MasterBench): { topology: Topology; operations: unknown } {
  const copy = new MasterBench({ ...bench.options, partitionCount: bench.partitionCount });
  copy.restart(bench.committed);
  return {
    topology: { ...copy.view.topology, term: bench.view.topology.term },
    operations: copy.view.operations().map(({ operation }) => operation),
  };
}

/** All stores come back, nothing is paused, time passes: whatever was asked for ends. */
function heal({ bench }: Player): void {
  for (let round = 0; round < 30; round += 1) {
    for (const store of bench.stores.values()) {
      const known = bench.view.topology.stores.some(({ storeId }) => storeId === store.storeId);
      if (store.streamId === undefined && store.processId !== "" && known) bench.start(store.storeId);
    }
    for (const { operation } of bench.view.operations()) {
      if (operation.stage.kind === "paused") bench.ask({ kind: "resume", operationId: operation.id });
    }
    bench.settle();
    bench.tick(1000);
    for (const store of bench.stores.values()) bench.beatWithLoad(store);
  }
}

function assertHealed({ bench }: Player): void {
  for (const { operation } of bench.view.operations()) {
    assert.equal(operation.stage.kind, "finished", JSON.stringify(operation));
  }
  for (const { partition, primary } of bench.view.topology.partitions) {
    if (primary === undefined) continue;
    const serving = [...bench.stores.values()].filter((store) => store.owns(partition));
    assert.deepEqual(
      serving.map(({ storeId }) => storeId),
      [id(primary.storeId)],
      `partition ${partition}`,
    );
  }
}

describe("the master, whatever happens", () => {
  for (const placement of ["balanced", "contiguous"] as const) {
    it(`keeps one owner and one move a partition, and ends what it began (${placement})`, () => {
      fc.assert(
        fc.property(fc.array(command, { minLength: 10, maxLength: 150 }), (commands) => {
          const player = new Player(placement);
          player.play({ kind: "start", store: 0 });
          player.play({ kind: "start", store: 1 });
          for (const next of commands) {
            const before = player.bench.view.topology;
            player.play(next);
            assertInvariants(player, before);
          }
          heal(player);
          assertHealed(player);
        }),
        { numRuns: 150 },
      );
    });
  }
});

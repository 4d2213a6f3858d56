import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { absentCells, allCells, type Cell, drawCells, nameOf, seedOf } from "../crash-matrix/cells.js";
import { type CallBegin, ClientHistory } from "../crash-matrix/history.js";
import { MasterSteps } from "../crash-matrix/injection/observed-metadata.js";
import { stepsOfBatch } from "../crash-matrix/injection/observed-engine.js";
import {
  cellRecordsOf,
  matrixRecord,
  renderJson,
  renderMarkdown,
  roundRecordOf,
} from "../crash-matrix/report.js";
import type { RoundResult } from "../crash-matrix/lane.js";
import { stepNames, stepOf } from "../crash-matrix/steps.js";
import { judgeHistories } from "../crash-matrix/verdict.js";
import { brandAs, type Generation, type PartitionId } from "../../services/core/ids.js";
import type { EngineWrite } from "../../services/core/ports/storage-engine.js";
import { PartitionEntry } from "../../services/gen/elastickv/v1/common.js";

const partition = brandAs<PartitionId>(5);
const generation = (n: number): Generation => brandAs<Generation>(n);

function cellOf(victim: Cell["victim"], fault: Cell["fault"]): Cell {
  return { operation: "add", step: "copy-live", when: "after", victim, fault };
}

describe("the cells of the crash matrix", () => {
  const cells = allCells();

  it("are every step, victim and fault of every operation, or are absent with a reason", () => {
    for (const operation of ["add", "remove", "rebalance"] as const) {
      for (const step of stepNames) {
        if (!(stepOf(step).operations ?? [operation]).includes(operation)) continue;
        for (const victim of ["source", "target", "master", "client"] as const) {
          const absent = absentCells().some(
            (one) => one.operation === operation && one.step === step && one.victim === victim,
          );
          const found = cells.filter(
            (one) => one.operation === operation && one.step === step && one.victim === victim,
          );
          const moments = victim === stepOf(step).observer && !stepOf(step).told ? 2 : 1;
          assert.equal(found.length, absent ? 0 : 2 * moments, `${operation}/${step}/${victim}`);
        }
      }
    }
    assert.equal(new Set(cells.map(nameOf)).size, cells.length);
  });

  it("are drawn so that every step, and every victim and fault of each operation, comes in", () => {
    const drawn = drawCells(cells, 36, 1);
    assert.equal(drawn.length, 36);
    assert.deepEqual(new Set(drawn.map(({ step }) => step)), new Set(stepNames));
    assert.equal(new Set(drawn.map((one) => `${one.operation}/${one.victim}/${one.fault}`)).size, 24);
    assert.deepEqual(drawCells(cells, 36, 1), drawn);
    assert.notDeepEqual(drawCells(cells, 36, 2), drawn);
  });

  it("have seeds of their own", () => {
    const [first, second] = [cellOf("target", "kill"), cellOf("target", "pause")];
    assert.equal(seedOf(first, 1), seedOf(first, 1));
    assert.notEqual(seedOf(first, 1), seedOf(second, 1));
    assert.notEqual(seedOf(first, 1), seedOf(first, 2));
  });
});

describe("the steps that commits take", () => {
  it("at the master", () => {
    const steps = new MasterSteps();
    const operation = (kind: string): { key: string; value: string } => ({
      key: "operation/operation-1",
      value: JSON.stringify({ stage: { kind } }),
    });
    const move = (kind: string): { key: string; value: string } => ({
      key: "move/move-1",
      value: JSON.stringify({ step: { kind } }),
    });
    assert.deepEqual(steps.of([{ key: "counters", value: "{}" }, operation("pending")]), [
      "operation-pending",
    ]);
    assert.deepEqual(steps.of([operation("moving"), move("planned")]), ["operation-begun"]);
    assert.deepEqual(steps.of([operation("moving"), move("add-learner")]), ["move-copying"]);
    assert.deepEqual(steps.of([move("transfer-primary")]), ["move-replica-added"]);
    assert.deepEqual(steps.of([move("remove-replica")]), ["move-leadership-transferred"]);
    assert.deepEqual(steps.of([{ key: "move/move-1", value: undefined }, operation("leaving")]), [
      "move-ended",
      "operation-leaving",
    ]);
    assert.deepEqual(steps.of([operation("finished")]), ["operation-finished"]);
    assert.deepEqual(steps.of([{ key: "operation/operation-1", value: undefined }]), []);
  });

  it("at a store", () => {
    const self = process.argv[process.argv.indexOf("--store-id") + 1] ?? "";
    const replica = (storeId: string): { storeId: string; incarnation: number } => ({
      storeId,
      incarnation: 1,
    });
    const live = (n: number, entry: Partial<PartitionEntry>): Buffer => {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(n);
      const known = PartitionEntry.fromPartial({ primary: replica(self) });
      return Buffer.concat([head, PartitionEntry.encode({ ...known, ...entry }).finish()]);
    };
    const meta = (name: string, value: Uint8Array | undefined): EngineWrite => ({
      kind: "meta",
      name,
      value,
    });
    const put = (n: number): EngineWrite => ({
      ...{
        kind: "put",
        partition,
        generation: generation(n),
        key: Buffer.from("k"),
        record: Buffer.from("r"),
      },
    });
    const some = Buffer.from("x");
    const counters = (n: number): EngineWrite => ({
      ...{ kind: "counters", partition, generation: generation(n), value: some },
    });
    const steps = (batch: readonly EngineWrite[], disk: Record<string, Uint8Array> = {}): string[] =>
      stepsOfBatch(batch, (name) => disk[name]);

    assert.deepEqual(steps([put(7), counters(7)], { "live/5": live(7, {}) }), []);
    assert.deepEqual(steps([put(8), counters(8)], { "live/5": live(7, {}) }), ["chunk-stored"]);
    assert.deepEqual(steps([put(8), counters(8)]), ["chunk-stored"]);
    assert.deepEqual(steps([meta("staged/5", some)]), ["copy-complete"]);
    assert.deepEqual(steps([put(8), counters(8)], { "staged/5": some }), ["later-write-applied"]);
    assert.deepEqual(steps([meta("live/5", live(8, {})), meta("staged/5", undefined)]), ["copy-live"]);
    assert.deepEqual(steps([meta("staged/5", undefined)]), []);
    const learners = [{ moveId: "move-1", replica: replica("other") }];
    assert.deepEqual(steps([meta("live/5", live(7, { learners }))]), ["learner-adopted"]);
    assert.deepEqual(steps([meta("live/5", live(7, { backups: [replica("other")] }))]), ["backup-adopted"]);
    assert.deepEqual(steps([meta("live/5", live(7, { primary: replica("other") }))]), ["owner-adopted"]);
    assert.deepEqual(steps([meta("live/5", undefined)]), ["live-dropped"]);
    assert.deepEqual(steps([counters(8)]), []);
  });
});

describe("the verdict on a cell", () => {
  const begin = (id: number, action: CallBegin["action"], atMs: number): CallBegin => ({
    ...{ kind: "begin", id, key: "k", action, atMs },
  });
  const failed = (action: CallBegin["action"], code: string, atMs: number): ClientHistory => {
    const history = new ClientHistory("here");
    history.record(begin(1, action, atMs));
    const outcome = code === "OUTCOME_UNKNOWN" ? ({ kind: "unknown" } as const) : undefined;
    history.record({ kind: "end", id: 1, outcome, error: { code, message: "it failed" }, atMs: atMs + 1 });
    return history;
  };
  const judge = (cell: Cell, clients: ClientHistory[], readers: ClientHistory[] = []): string[] =>
    judgeHistories({ clients, readers, killedClients: [], windows: [{ cell, fromMs: 40, toMs: 100 }] });
  const put = { kind: "put", value: "a" } as const;

  it("allows an unknown outcome of a write sent to a killed store, and nothing else", () => {
    assert.deepEqual(judge(cellOf("source", "kill"), [failed(put, "OUTCOME_UNKNOWN", 50)]), []);
    const wrong: [Cell, ClientHistory][] = [
      [cellOf("source", "kill"), failed(put, "OUTCOME_UNKNOWN", 101)],
      [cellOf("source", "kill"), failed(put, "OUTCOME_UNKNOWN", 30)],
      [cellOf("source", "kill"), failed(put, "DEADLINE_EXCEEDED", 50)],
      [cellOf("source", "kill"), failed({ kind: "get" }, "UNAVAILABLE", 50)],
      [cellOf("source", "pause"), failed(put, "OUTCOME_UNKNOWN", 50)],
      [cellOf("master", "kill"), failed(put, "OUTCOME_UNKNOWN", 50)],
      [cellOf("client", "kill"), failed(put, "OUTCOME_UNKNOWN", 50)],
    ];
    for (const [cell, history] of wrong) assert.equal(judge(cell, [history]).length, 1, nameOf(cell));
  });

  it("lets a reader of one store fail, not lie", () => {
    const cell = cellOf("source", "pause");
    assert.deepEqual(judge(cell, [], [failed({ kind: "get" }, "UNAVAILABLE", 50)]), []);
    assert.equal(judge(cell, [], [failed({ kind: "get" }, "INTERNAL", 50)]).length, 1);
    const writer = new ClientHistory("here");
    writer.record(begin(1, put, 1));
    writer.record({ kind: "end", id: 1, outcome: { kind: "written" }, version: "1.1", atMs: 2 });
    const reader = new ClientHistory("reader");
    reader.record(begin(1, { kind: "get" }, 3));
    reader.record({ kind: "end", id: 1, outcome: { kind: "value", value: undefined }, atMs: 4 });
    assert.match(judge(cell, [writer], [reader])[0] ?? "", /^k has no linear history/);
  });

  it("finds a call that was never answered, and a value whose version changed", () => {
    const cell = cellOf("master", "kill");
    const silent = new ClientHistory("here");
    silent.record(begin(1, put, 1));
    assert.deepEqual(judge(cell, [silent]), ["1 calls of here were never answered"]);
    const changing = new ClientHistory("here");
    for (const [id, version] of ["1.1", "2.1"].entries()) {
      changing.record(begin(id, { kind: "get" }, id));
      changing.record({ kind: "end", id, outcome: { kind: "value", value: "a" }, version, atMs: id + 0.5 });
    }
    assert.ok(judge(cell, [changing]).includes("a was seen with two versions"));
  });

  it("takes a killed client's last write as one that may have happened", () => {
    const killed = new ClientHistory("there");
    killed.record(begin(1, put, 1));
    const other = new ClientHistory("here");
    other.record(begin(1, { kind: "get" }, 3));
    other.record({ kind: "end", id: 1, outcome: { kind: "value", value: "a" }, atMs: 4 });
    const findings = { clients: [killed, other], readers: [], windows: [] };
    assert.deepEqual(judgeHistories({ ...findings, killedClients: ["there"] }), []);
  });
});

describe("the report of the crash matrix", () => {
  const roundOf = (cell: Cell, problems: readonly string[]): RoundResult => ({
    ...{ operation: "add", problems, calls: 10, unknown: 1, seconds: 1.26, logs: {} },
    cells: [{ cell, seed: 77, nth: 2, seconds: 0.5, problems }],
  });

  it("shows each cell's verdict with its seed, and what is wrong", () => {
    const results = [
      roundOf(cellOf("target", "kill"), []),
      roundOf(cellOf("master", "pause"), ["a value was lost"]),
    ];
    const record = matrixRecord(3, results.flatMap(cellRecordsOf), results.map(roundRecordOf));
    assert.deepEqual(JSON.parse(renderJson(record)), record);
    const page = renderMarkdown(record);
    assert.match(page, /\| after `copy-live` \|  \|  \| ✓ 77 \|  \|  \| ✗ 77 \|  \|  \|/);
    assert.match(page, /- `add\/copy-live\/after\/master\/pause`: a value was lost/);
    assert.match(
      page,
      /Run with seed 3: 2 cells, 1 clean, 1 not, in 2 operations, 1 of them not clean; 20 calls/,
    );
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineBars, type EngineFigures, engineTables } from "../../bench/benches/engine/findings.js";
import { DataSet, getWritten, ingest } from "../../bench/engines/data-set.js";
import type { EngineCosts, EngineData, EngineReads } from "../../bench/engines/job.js";
import { measured, type MeasuredEngine, type Put } from "../../bench/engines/measured-engine.js";
import { isReached } from "../../bench/report/bar.js";

const job: EngineData = {
  ...{ engine: "memory", dist: "", folder: "" },
  ...{ keys: 2600, partitions: 2, valueBytes: 10, seed: 1 },
};

/** What an engine was asked to do. */
class RecordingEngine implements MeasuredEngine {
  readonly commits: { readonly puts: readonly Put[]; readonly counted: readonly number[] }[] = [];
  flushes = 0;

  get(partition: number, key: Uint8Array): Uint8Array | undefined {
    const puts = this.commits.flatMap((commit) => commit.puts);
    return puts.find((put) => put.partition === partition && Buffer.compare(put.key, key) === 0)?.record;
  }

  async commit(puts: readonly Put[], counted: Iterable<number>): Promise<void> {
    this.commits.push({ puts, counted: [...counted] });
  }

  scan(): number {
    return 0;
  }

  async drop(): Promise<void> {}

  async flush(): Promise<void> {
    this.flushes += 1;
  }

  async close(): Promise<void> {}
}

describe("an engine's data set", () => {
  it("is written partition by partition, in the order of its keys, in chunks with their counters", async () => {
    const engine = new RecordingEngine();
    assert.equal(await ingest(engine, new DataSet(job), 0, 2), 2600);
    assert.deepEqual(
      engine.commits.map(({ puts, counted }) => [puts.length, counted]),
      [
        [500, [0]],
        [500, [0]],
        [300, [0]],
        [500, [1]],
        [500, [1]],
        [300, [1]],
      ],
    );
    const names = engine.commits.flatMap(({ puts }) => puts.map(({ key }) => Buffer.from(key).toString()));
    assert.equal(new Set(names).size, 2600);
    assert.deepEqual(names.slice(0, 1300), names.slice(0, 1300).toSorted());
    assert.equal(engine.flushes, 1);
  });

  it("finds what was written, and says so when it is missing", async () => {
    const engine = new RecordingEngine();
    const data = new DataSet(job);
    await ingest(engine, data, 0, 1);
    for (const put of data.drawn(100)) {
      if (put.partition === 0) getWritten(engine, put);
      else assert.throws(() => getWritten(engine, put), /was written and is not there/);
    }
  });
});

describe("engines of other builds", () => {
  it("delete a generation in steps, then its counters", async () => {
    const asked: unknown[] = [];
    const engine = measured({
      deleteGeneration: async (...args: unknown[]) => {
        asked.push(args);
        return asked.length < 3 ? 256 : 10;
      },
      commit: async (batch: unknown) => void asked.push(batch),
    });
    await engine.drop(7);
    assert.deepEqual(asked, [
      [7, 1, 256],
      [7, 1, 256],
      [7, 1, 256],
      [{ kind: "meta", name: "counters/7/1", value: undefined }],
    ]);
  });

  it("delete it at once when they can", async () => {
    const asked: unknown[] = [];
    const engine = measured({ dropGeneration: async (...args: unknown[]) => void asked.push(args) });
    await engine.drop(7);
    assert.deepEqual(asked, [[7, 1]]);
  });
});

describe("the bench of engines", () => {
  const costs = (commit1Us: number): EngineCosts => ({
    ...{ getUs: 1, getAfterWritesUs: 1, commit1Us, commit5Us: 1, commit50Us: 1 },
    ...{ ingestUs: 1, scanUs: 1, dropUs: 1, residentBytesPerKey: 1 },
  });
  const summary = (p999Us: number): EngineReads["calm"] => ({
    ...{ count: 1, meanUs: 1, p50Us: 1, p90Us: 1, p99Us: 1, p999Us, maxUs: 1 },
    curve: [],
  });
  const start = (wallMs: number): { wallMs: number; cpuMs: number; residentBytesPerKey: number } => ({
    ...{ wallMs, cpuMs: 1, residentBytesPerKey: 1 },
  });
  const log: EngineFigures = {
    kind: "log",
    costs: [costs(4), costs(40)],
    reads: [{ calm: summary(10), cleaning: summary(20) }],
    starts: [{ clean: start(2000), killed: start(4001) }],
  };
  const lmdb: EngineFigures = { ...log, kind: "lmdb-reference", costs: [costs(20), costs(200)] };

  it("compares within rounds, with LMDB and with itself", () => {
    const bars = engineBars([log, lmdb], "log", 10_000_000);
    assert.deepEqual(
      bars.map(({ value }) => value),
      [0.2, 2, 2, 4.001],
    );
    assert.deepEqual(bars.map(isReached), [true, true, true, false]);
    assert.match(bars[3]?.text ?? "", /10,000,000 keys after kill -9/);
  });

  it("does not meet a bar of what was not measured", () => {
    const bars = engineBars([{ ...log, reads: [], starts: [] }], "log", 1000);
    assert.deepEqual(bars.map(isReached), [undefined, undefined, undefined, undefined]);
  });

  it("shows no start of an engine that keeps nothing", () => {
    const tables = engineTables([log, { ...log, kind: "memory", starts: [] }], 1000);
    assert.deepEqual(
      tables.map(({ rows }) => rows.map(([kind]) => kind)),
      [["log", "memory"], ["log", "memory"], ["log"]],
    );
    for (const { head, rows } of tables) for (const row of rows) assert.equal(row.length, head.length);
  });
});

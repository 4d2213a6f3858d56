import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { PartitionDigest } from "../../services/core/digest.js";
import { EkvError } from "../../services/core/errors.js";
import { brandAs, type Epoch } from "../../services/core/ids.js";
import type { EngineWrite, StorageEngine } from "../../services/core/ports/storage-engine.js";
import { encodeCounters } from "../../services/core/store/counters.js";
import { HandCluster } from "../support/hand-cluster.js";
import { waitFor } from "../support/wait-for.js";
import { memoryEngine } from "../support/engines.js";

/** An engine whose commits fail, or wait, while it is told so. */
interface TroubledEngine {
  readonly engine: StorageEngine;
  fails: boolean | ((batch: readonly EngineWrite[]) => boolean);
  waitsFor: Promise<void>;
}

function troubledEngine(): TroubledEngine {
  const inner = memoryEngine();
  const failing: TroubledEngine = {
    fails: false,
    waitsFor: Promise.resolve(),
    engine: new Proxy(inner, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        if (name !== "commit") return value.bind(target) as unknown;
        return (batch: Parameters<StorageEngine["commit"]>[0]) =>
          (typeof failing.fails === "function" ? failing.fails(batch) : failing.fails)
            ? Promise.reject(new EkvError("INTERNAL", "the disk failed", { notExecuted: true }))
            : failing.waitsFor.then(() => target.commit(batch));
      },
    }),
  };
  return failing;
}

describe("a store whose disk fails while it adopts entries", { timeout: 240_000 }, () => {
  const cluster = new HandCluster(2);
  afterEach(() => cluster.stop());

  it("makes up for it when the master's word comes again", async () => {
    const failing = troubledEngine();
    const store = await cluster.start("s1", failing.engine);
    failing.fails = true;
    await assert.rejects(cluster.assignAll(store), { message: "the disk failed" });
    const [first] = store.store.kvMap.partitions;
    assert.equal(first?.readable, false, "nothing is served that the disk does not know of");
    failing.fails = false;
    await cluster.commit();
    assert.equal(first?.readable, true);
    assert.equal(failing.engine.listMeta("live/").length, 2, "the entries are on the disk");
  });

  it("drops a copy that a rollback took back, although the disk failed at the news", async () => {
    const failing = troubledEngine();
    const source = await cluster.start("s1");
    const target = await cluster.start("s2", failing.engine);
    await cluster.assignAll(source);
    await cluster.beginMove("move-1", 0, source, target);
    await cluster.reported(source, "move-1", "ready");
    assert.equal(failing.engine.listMeta("staged/").length, 1);
    failing.fails = true;
    const rolledBack = { partition: 0, epoch: brandAs<Epoch>(2), learners: [] };
    await assert.rejects(cluster.commit(rolledBack), { message: "the disk failed" });
    failing.fails = false;
    await cluster.commit();
    assert.equal(target.store.target.completed(brandAs(0)), undefined);
  });

  it("forgets a copy that was taken back as soon as the disk lets it", async () => {
    const troubled = troubledEngine();
    const source = await cluster.start("s1");
    const target = await cluster.start("s2", troubled.engine);
    await cluster.assignAll(source);
    const key = cluster.keyOf(0, 0);
    await source.store.calls.write(
      { kind: "put", key, value: key, condition: undefined, ttlMs: 0 },
      Infinity,
    );
    await cluster.beginMove("move-1", 0, source, target);
    await cluster.reported(source, "move-1", "ready");
    troubled.fails = (batch) => batch.some((write) => write.kind === "meta" && write.name === "staged/0");
    await cluster.commit({ partition: 0, epoch: brandAs<Epoch>(2), learners: [] });
    assert.equal(troubled.engine.listMeta("staged/").length, 1, "a restart would find it yet");
    assert.equal(troubled.engine.listGenerations().length, 1, "so its data stays");
    troubled.fails = false;
    await waitFor("the copy to be gone", () => troubled.engine.listGenerations().length === 0);
    assert.deepEqual(troubled.engine.listMeta("staged/"), []);
  });
});

describe("a store that gave a partition away", { timeout: 240_000 }, () => {
  const cluster = new HandCluster(2);
  afterEach(() => cluster.stop());

  it("forgets it on the disk, when the first order to do so met a failing disk", async () => {
    const troubled = troubledEngine();
    const first = await cluster.start("s1", troubled.engine);
    const second = await cluster.start("s2");
    await cluster.assignAll(first);
    const generation = first.store.kvMap.partitions[0]?.generation ?? 0;
    await cluster.commit({ partition: 0, epoch: brandAs<Epoch>(2), primary: second.replica });
    const order = {
      term: 1,
      topology: undefined,
      directives: [
        {
          moveId: "move-1",
          partition: 0,
          epoch: 2,
          action: { $case: "deleteReplica", value: { generation } } as const,
        },
      ],
    };
    troubled.fails = true;
    await first.store.received(order);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(first.store.reports(true), [], "nothing is deleted");
    troubled.fails = false;
    await first.store.received(order);
    await waitFor("the deletion to be reported", () => first.store.reports(true).length > 0);
    assert.deepEqual(
      troubled.engine.listMeta("live/").map(({ name }) => name),
      ["live/1"],
    );
  });

  it("serves nothing of an older copy before it has taken the partition back durably", async () => {
    const troubled = troubledEngine();
    const first = await cluster.start("s1", troubled.engine);
    const second = await cluster.start("s2");
    await cluster.assignAll(first);
    const partition = first.store.kvMap.partitions[0];
    await cluster.commit({ partition: 0, epoch: brandAs<Epoch>(2), primary: second.replica });
    let goOn: () => void = () => undefined;
    troubled.waitsFor = new Promise((resolve) => {
      goOn = resolve;
    });
    const takenBack = cluster.commit({ partition: 0, epoch: brandAs<Epoch>(3), primary: first.replica });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(partition?.epoch, 3);
    assert.equal(partition.readable, false);
    assert.equal(partition.writable, false);
    goOn();
    await takenBack;
    assert.equal(partition.readable, true);
  });
});

describe("a store that died while it deleted a copy", { timeout: 240_000 }, () => {
  const cluster = new HandCluster(2);
  afterEach(() => cluster.stop());

  it("deletes the counters that are left", async () => {
    const engine = memoryEngine();
    const value = encodeCounters(3, new PartitionDigest());
    await engine.commit([{ kind: "counters", partition: brandAs(1), generation: brandAs(7), value }]);
    await cluster.start("s1", engine);
    await waitFor("the counters to be gone", () => engine.listGenerations().length === 0);
  });
});

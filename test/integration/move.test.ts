import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import { brandAs, type Epoch, type MoveId } from "../../services/core/ids.js";
import type { StorageEngine } from "../../services/core/ports/storage-engine.js";
import type { Directive } from "../../services/gen/elastickv/v1/master.js";
import { Consistency } from "../../services/gen/elastickv/v1/store.js";
import { storeService } from "../../services/wire/services.js";
import { HandCluster, type HandStore } from "../support/hand-cluster.js";
import { RawClient } from "../support/raw-client.js";
import { waitFor } from "../support/wait-for.js";
import { memoryEngine } from "../support/engines.js";

const partition = 2;
const noDeadline = Infinity;

/** An engine that drops a generation when `goOn` was called. */
function holdingDrops(): { readonly engine: StorageEngine; readonly asked: () => boolean; goOn: () => void } {
  let asked = false;
  let goOn: () => void = () => undefined;
  const allowed = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const engine = new Proxy(memoryEngine(), {
    get: (inner, name) => {
      if (name === "dropGeneration") {
        return async (...of: Parameters<StorageEngine["dropGeneration"]>) => {
          asked = true;
          await allowed;
          await inner.dropGeneration(...of);
        };
      }
      const value: unknown = Reflect.get(inner, name);
      return typeof value === "function" ? (value.bind(inner) as unknown) : value;
    },
  });
  return { engine, asked: () => asked, goOn };
}

describe("a move between two stores", () => {
  let cluster: HandCluster;
  let source: HandStore;
  let target: HandStore;
  let drops: ReturnType<typeof holdingDrops>;

  beforeEach(async () => {
    cluster = new HandCluster();
    drops = holdingDrops();
    source = await cluster.start("s1", drops.engine);
    target = await cluster.start("s2");
    await cluster.assignAll(source);
  });

  afterEach(async () => {
    drops.goOn();
    await cluster.stop();
  });

  const put = async (store: HandStore, index: number, value: string): Promise<void> => {
    const key = cluster.keyOf(partition, index);
    await store.store.calls.write(
      { kind: "put", key, value: Buffer.from(value), condition: undefined, ttlMs: 0 },
      noDeadline,
    );
  };

  const get = async (store: HandStore, index: number): Promise<string | undefined> => {
    const result = await store.store.calls.read(cluster.keyOf(partition, index), false, noDeadline);
    return result && Buffer.from(result.value).toString();
  };

  const remove = async (store: HandStore, index: number): Promise<void> => {
    const key = cluster.keyOf(partition, index);
    await store.store.calls.write(
      { kind: "delete", key, value: Buffer.alloc(0), condition: undefined, ttlMs: 0 },
      noDeadline,
    );
  };

  it("says how a move stands when it is ordered to hand over again, and not while it carries the order out", async () => {
    await put(source, 0, "moved");
    await cluster.beginMove("m1", partition, source, target);
    await cluster.reported(source, "m1", "ready");
    // Else it would hand over within the order itself.
    await put(source, 1, "written since");
    const { source: moves } = source.store;
    const news = (): string[] => moves.news().map(({ state }) => state?.$case ?? "");
    assert.deepEqual(news(), []);
    await cluster.transfer("m1", partition, source, target);
    assert.deepEqual(news(), []);
    await cluster.reported(source, "m1", "released");
    moves.transfer(brandAs<MoveId>("m1"), cluster.entryOf(partition).epoch);
    assert.deepEqual(news(), ["released"]);
  });

  it("answers a unary call at the new owner, though that is the last to hear of it", async () => {
    await put(source, 0, "moved");
    await cluster.beginMove("m1", partition, source, target);
    await cluster.reported(source, "m1", "ready");
    // From here on only the source hears of the commits.
    cluster.unreached.add(target);
    await cluster.transfer("m1", partition, source, target);
    await cluster.reported(source, "m1", "released");
    await cluster.finishMove(partition, target);
    const clients = [new RawClient(target.server.address), new RawClient(source.server.address)];
    try {
      // Asked, the source names the store that it was asked by; and the target, of what it has not heard yet, the source.
      const answers = Promise.all(
        clients.map((client) =>
          client.call(storeService.get, {
            key: cluster.keyOf(partition, 0),
            consistency: Consistency.LINEARIZABLE,
          }),
        ),
      );
      const wait = (): boolean => target.store.kvMap.partitions[partition]?.parkedCalls === 2;
      await Promise.race([waitFor("both calls to wait", wait), answers]);
      cluster.unreached.delete(target);
      await cluster.commit();
      for (const { found, value } of await answers) {
        assert.deepEqual([found, Buffer.from(value).toString()], [true, "moved"]);
      }
    } finally {
      for (const client of clients) client.close();
    }
  });

  it("carries the snapshot and the writes made meanwhile, and the source's data goes only afterwards", async () => {
    for (let i = 0; i < 50; i += 1) await put(source, i, `before-${i}`);
    await cluster.beginMove("m1", partition, source, target);
    await put(source, 3, "during");
    await remove(source, 4);
    await cluster.reported(source, "m1", "ready");
    await put(source, 5, "after-ready");
    await cluster.transfer("m1", partition, source, target);
    const report = await cluster.reported(source, "m1", "released");
    await assert.rejects(
      source.store.calls.read(cluster.keyOf(partition, 0), false, performance.now() + 50),
      (error: unknown) => error instanceof EkvError && error.code === "UNAVAILABLE",
      "after RELEASE the source serves nothing of it",
    );
    await cluster.finishMove(partition, target);
    assert.equal(await get(target, 0), "before-0");
    assert.equal(await get(target, 3), "during");
    assert.equal(await get(target, 4), undefined);
    assert.equal(await get(target, 5), "after-ready");
    await assert.rejects(
      get(source, 0),
      (error: unknown) => error instanceof EkvError && error.code === "MOVED",
    );

    drops.goOn();
    const generation = report.state?.$case === "released" ? report.state.value.generation : 0;
    assert.ok(generation > 0);
    const live = source.store.kvMap.partitions[partition];
    assert.equal(await source.store.ownership.retire(live!, live!.generation!), true);
    await waitFor("nothing of the partition to be left at the source", () =>
      source.engine.listGenerations().every((one) => one.partition !== partition),
    );
  });

  it("makes calls that come during the hand-off wait, and sends them on when it is over", async () => {
    await put(source, 0, "a");
    await cluster.beginMove("m1", partition, source, target);
    await cluster.reported(source, "m1", "ready");
    await cluster.transfer("m1", partition, source, target);
    await cluster.reported(source, "m1", "released");
    const waiting = assert.rejects(
      put(source, 1, "b"),
      (error: unknown) =>
        error instanceof EkvError && error.code === "MOVED" && error.moved?.primary?.storeId === "s2",
    );
    const early = put(target, 2, "c");
    assert.equal(source.store.source.isHandingOver, true, "copies give way");
    await cluster.finishMove(partition, target);
    assert.equal(source.store.source.isHandingOver, false);
    await waiting;
    await early;
    assert.equal(await get(target, 2), "c", "a call that reached the new owner first waited for its entry");
  });

  it("serves on at the source after a roll-back, even one that comes after RELEASE", async () => {
    await put(source, 0, "a");
    await cluster.beginMove("m1", partition, source, target);
    await cluster.reported(source, "m1", "ready");
    await cluster.transfer("m1", partition, source, target);
    await cluster.reported(source, "m1", "released");
    const waiting = put(source, 1, "b");
    const epoch = brandAs<Epoch>(cluster.entryOf(partition).epoch + 1);
    await cluster.commit({ partition, epoch, primary: source.replica, backups: [], learners: [] });
    await waiting;
    assert.equal(await get(source, 1), "b");
    await waitFor("the target to drop its copy", () =>
      target.engine.listGenerations().every((one) => one.partition !== partition),
    );
    await cluster.beginMove("m2", partition, source, target);
    await cluster.reported(source, "m2", "ready");
    await cluster.transfer("m2", partition, source, target);
    await cluster.reported(source, "m2", "released");
    await cluster.finishMove(partition, target);
    assert.equal(await get(target, 1), "b", "a second attempt carries everything");
  });

  it("tells that a copy is removed when nothing names it, and stops only when it is gone from the disk", async () => {
    await put(source, 0, "moved");
    const epoch = brandAs<Epoch>(cluster.entryOf(partition).epoch + 1);
    const generation = source.store.kvMap.partitions[partition]?.generation ?? 0;
    await cluster.commit({ partition, epoch, primary: target.replica });
    const isOnDisk = (): boolean =>
      source.engine.listGenerations().some((one) => one.partition === partition);
    const order = (action: NonNullable<Directive["action"]>): Promise<void> =>
      source.store.received({
        term: 1,
        topology: undefined,
        directives: [{ moveId: "m1", partition, epoch, action }],
      });
    await order({ $case: "deleteReplica", value: { generation } });
    await waitFor("the removal to be reported", () =>
      source.store.reports(false).some(({ state }) => state?.$case === "deleted"),
    );
    assert.equal(isOnDisk(), true, "the data goes after that");
    assert.deepEqual(
      source.store.ownership.held().filter(({ entry }) => entry?.partition === partition),
      [],
    );
    await order({ $case: "shutdown", value: {} });
    assert.equal(source.isEmptied, false);
    drops.goOn();
    await waitFor("the store to have nothing to do", () => source.isEmptied);
    assert.equal(isOnDisk(), false);
  });

  it("deletes what a store that is being removed gave away before that store says so", async () => {
    await put(source, 0, "moved");
    const epoch = brandAs<Epoch>(cluster.entryOf(partition).epoch + 1);
    const generation = source.store.kvMap.partitions[partition]?.generation ?? 0;
    cluster.draining.add(source.replica.storeId);
    await cluster.commit({ partition, epoch, primary: target.replica });
    const action = { $case: "deleteReplica", value: { generation } } as const;
    await source.store.received({
      term: 1,
      topology: undefined,
      directives: [{ moveId: "m1", partition, epoch, action }],
    });
    const isReported = (): boolean =>
      source.store.reports(false).some(({ state }) => state?.$case === "deleted");
    await waitFor("the data to be deleted", drops.asked);
    assert.equal(isReported(), false);
    drops.goOn();
    await waitFor("the removal to be reported", isReported);
    assert.deepEqual(
      source.engine.listGenerations().filter((one) => one.partition === partition),
      [],
    );
  });

  it("keeps a complete copy across a restart of the target, until the master has decided", async () => {
    for (let i = 0; i < 20; i += 1) await put(source, i, `v${i}`);
    await cluster.beginMove("m1", partition, source, target);
    await cluster.reported(source, "m1", "ready");
    await cluster.transfer("m1", partition, source, target);
    await cluster.reported(source, "m1", "released");
    const { engine } = target;
    await target.stop();
    const again = await cluster.start("s2", engine, 2);
    await cluster.finishMove(partition, again);
    assert.equal(await get(again, 7), "v7");
  });

  it("drops an incomplete copy when the target restarts", async () => {
    await put(source, 0, "a");
    await cluster.beginMove("m1", partition, source, target);
    await cluster.reported(source, "m1", "ready");
    const { engine } = target;
    await target.stop();
    const epoch = brandAs<Epoch>(cluster.entryOf(partition).epoch + 1);
    const again = await cluster.start("s2", engine, 2);
    await cluster.commit({ partition, epoch, primary: source.replica, backups: [], learners: [] });
    await waitFor("the leftover to be deleted", () =>
      engine.listGenerations().every((one) => one.partition !== partition),
    );
    assert.equal(await get(source, 0), "a");
    await assert.rejects(
      get(again, 0),
      (error: unknown) => error instanceof EkvError && error.code === "MOVED",
    );
  });

  it("holds acknowledgements back from READY on while the target is gone, until a higher epoch", async () => {
    await put(source, 0, "a");
    await cluster.beginMove("m1", partition, source, target);
    await cluster.reported(source, "m1", "ready");
    await target.stop();
    let acknowledged = false;
    const write = put(source, 1, "b").then(() => {
      acknowledged = true;
    });
    await cluster.reported(source, "m1", "nack");
    assert.equal(acknowledged, false, "the target does not have it, and nobody has dropped the target");
    const epoch = brandAs<Epoch>(cluster.entryOf(partition).epoch + 1);
    await cluster.commit({ partition, epoch, primary: source.replica, backups: [], learners: [] });
    await write;
    assert.equal(await get(source, 1), "b");
  });

  it("refuses a move of another cluster, and one for an earlier run of the target", async () => {
    await put(source, 0, "a");
    await cluster.commit({ partition, learners: [{ replica: target.replica, moveId: "m1" as never }] });
    target.store.ownership.identify(9 as never);
    await source.store.received({
      term: 1,
      topology: undefined,
      directives: [
        {
          moveId: "m1",
          partition,
          epoch: 1,
          action: {
            $case: "startCopy",
            value: {
              target: { storeId: "s2", incarnation: 1 },
              targetAddress: target.server.address,
              rateBytesPerSecond: 0,
            },
          },
        },
      ],
    });
    const report = await cluster.reported(source, "m1", "nack");
    assert.match(
      report.state?.$case === "nack" ? report.state.value.message : "",
      /another store|earlier run/,
    );
    assert.equal(await get(source, 0), "a");
  });

  it("refuses orders of a deposed master", async () => {
    await source.store.received({ term: 5, topology: undefined, directives: [] });
    await assert.rejects(source.store.received({ term: 4, topology: undefined, directives: [] }), /deposed/);
  });
});

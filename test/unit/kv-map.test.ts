import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import type { Epoch, Generation, Incarnation, PartitionId, StoreId } from "../../services/core/ids.js";
import type { EngineWrite, StorageEngine } from "../../services/core/ports/storage-engine.js";
import { recordIsDeleted, recordValueOffset, recordVersion } from "../../services/core/record.js";
import { decodeCounters } from "../../services/core/store/counters.js";
import { Follower } from "../../services/core/store/follower.js";
import { refreshGates } from "../../services/core/store/gate.js";
import { type Condition, KVMap, type WriteCall } from "../../services/core/store/kv-map.js";
import type { Partition } from "../../services/core/store/partition.js";
import type { Version } from "../../services/core/topology.js";
import { memoryEngine } from "../support/engines.js";

const self = { storeId: "s1" as StoreId, incarnation: 1 as Incarnation };

/** An engine whose commits wait for the test, and fail when it says so. */
class HeldEngine {
  readonly engine: StorageEngine;
  readonly commits: { batch: readonly EngineWrite[]; finish: (error?: Error) => Promise<void> }[] = [];

  constructor() {
    const inner = memoryEngine();
    this.engine = new Proxy(inner, {
      get: (target, name, receiver) => {
        if (name !== "commit") {
          const value: unknown = Reflect.get(target, name, receiver);
          return typeof value === "function" ? (value.bind(target) as unknown) : value;
        }
        return (batch: readonly EngineWrite[]) =>
          new Promise<void>((resolve, reject) => {
            const finish = async (error?: Error): Promise<void> => {
              if (error) return reject(error);
              await target.commit(batch);
              resolve();
            };
            this.commits.push({ batch, finish });
          });
      },
    });
  }

  async finishNext(error?: Error): Promise<void> {
    const commit = this.commits.shift();
    assert.ok(commit, "a commit is under way");
    await commit.finish(error);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("the KVMap", () => {
  let held: HeldEngine;
  let kvMap: KVMap;
  let partition: Partition;
  let wallMs: number;
  let results: Map<number, string>;
  let endTurn: (() => void)[];
  let call: number;

  beforeEach(() => {
    held = new HeldEngine();
    wallMs = 1000;
    results = new Map();
    endTurn = [];
    call = 0;
    kvMap = new KVMap({
      engine: held.engine,
      clock: {
        nowMs: () => 0,
        wallMs: () => wallMs,
        setTimer: () => ({ cancel: () => undefined }),
        endOfTurn: (callback) => void setImmediate(callback),
      },
      partitionCount: 2,
      endOfTurn: (callback) => endTurn.push(callback),
      onFailStop: () => undefined,
    });
    partition = kvMap.partitions[0] as Partition;
    partition.entry = {
      partition: 0 as PartitionId,
      epoch: 3 as Epoch,
      primary: self,
      backups: [],
      learners: [],
      halted: false,
    };
    partition.generation = 1 as Generation;
    refreshGates(partition, self);
  });

  const write = (key: string, value: string | undefined, more: Partial<WriteCall> = {}): number => {
    const number = (call += 1);
    kvMap.write(partition, {
      kind: value === undefined ? "delete" : "put",
      key: Buffer.from(key),
      value: Buffer.from(value ?? ""),
      condition: undefined,
      expiresAtMs: 0,
      deadlineMs: Infinity,
      call: number,
      sink: {
        written: (at, { epoch, seq }: Version) => results.set(at, `${epoch}.${seq}`),
        notFound: (at) => results.set(at, "not found"),
        refused: (at, error) => results.set(at, error.code),
      },
      ...more,
    });
    return number;
  };

  const turn = (): void => {
    for (const callback of endTurn.splice(0)) callback();
  };

  const read = (key: string): string | undefined => {
    const record = kvMap.get(partition, Buffer.from(key));
    return record && Buffer.from(record.subarray(recordValueOffset(record))).toString();
  };

  it("commits the writes of one turn together and answers when they are durable", async () => {
    const first = write("a", "1");
    const second = write("b", "2");
    turn();
    assert.equal(held.commits.length, 1);
    assert.equal(results.size, 0, "not before the commit");
    assert.equal(read("a"), undefined, "reads see committed state");
    await held.finishNext();
    assert.equal(results.get(first), "3.1");
    assert.equal(results.get(second), "3.2");
    assert.equal(read("a"), "1");
  });

  it("lets conditions see writes in flight, and answers a failed one only when what it saw is committed", async () => {
    write("a", "1");
    const absent: Condition = { kind: "if-absent" };
    const failed = write("a", "2", { condition: absent });
    turn();
    assert.equal(results.get(failed), undefined);
    await held.finishNext();
    assert.equal(results.get(failed), "CONDITION_FAILED");
    assert.equal(read("a"), "1");
  });

  it("takes if-version only at exactly that version", async () => {
    write("a", "1");
    turn();
    await held.finishNext();
    const right = write("a", "2", {
      condition: { kind: "if-version", version: { epoch: 3 as Epoch, seq: 1 } },
    });
    const stale = write("a", "3", {
      condition: { kind: "if-version", version: { epoch: 3 as Epoch, seq: 1 } },
    });
    turn();
    await held.finishNext();
    assert.equal(results.get(right), "3.2");
    assert.equal(results.get(stale), "CONDITION_FAILED");
    assert.equal(read("a"), "2");
  });

  it("refuses everything in flight when the engine fails, reads on, and never uses a seq twice", async () => {
    write("a", "1");
    turn();
    await held.finishNext();
    const lost = write("a", "2");
    turn();
    const behind = write("b", "3");
    await held.finishNext(new EkvError("RESOURCE_EXHAUSTED", "disk full", { notExecuted: true }));
    assert.equal(results.get(lost), "RESOURCE_EXHAUSTED");
    assert.equal(results.get(behind), "RESOURCE_EXHAUSTED");
    assert.equal(read("a"), "1");
    assert.equal(partition.digest.keys, 1, "counters are those of what is stored");
    const next = write("c", "4");
    turn();
    await held.finishNext();
    assert.equal(results.get(next), "3.4");
  });

  it("judges anew what it had judged by a write that was undone", async () => {
    write("b", "0");
    turn();
    await held.finishNext();
    write("a", "1");
    write("b", undefined);
    const created = write("a", "2", { condition: { kind: "if-absent" } });
    const deleted = write("b", undefined);
    turn();
    await held.finishNext(new EkvError("INTERNAL", "I/O error"));
    assert.equal(results.get(created), undefined, "not refused for a key that was never there");
    assert.equal(results.get(deleted), undefined, "not told that a stored key is absent");
    turn();
    await held.finishNext();
    assert.deepEqual([results.get(created), results.get(deleted)], ["3.4", "3.5"]);
    assert.deepEqual([read("a"), read("b")], ["2", undefined]);
  });

  it("still deletes when there is no room for the puts of the same turn, and gives up when there is none for itself", async () => {
    write("a", "1");
    turn();
    await held.finishNext();
    const put = write("b", "2");
    const deleted = write("a", undefined);
    turn();
    const full = new EkvError("RESOURCE_EXHAUSTED", "disk full");
    await held.finishNext(full);
    const later = write("c", "3");
    assert.equal(results.get(put), "RESOURCE_EXHAUSTED");
    assert.equal(held.commits[0]?.batch.length, 2, "the delete and its counters, without a later put");
    await held.finishNext(full);
    assert.equal(results.get(deleted), "RESOURCE_EXHAUSTED");
    assert.equal(results.get(later), "RESOURCE_EXHAUSTED", "it saw the delete that was undone");
    const next = write("a", undefined);
    turn();
    await held.finishNext();
    assert.equal(results.get(next), "3.6");
    assert.equal(partition.digest.keys, 0);
  });

  it("does not answer before a required follower has the write", async () => {
    const follower = new Follower(partition.seq, () => undefined);
    partition.follower = follower;
    follower.required = true;
    const waits = write("a", "1");
    turn();
    await held.finishNext();
    assert.equal(results.get(waits), undefined);
    assert.equal(kvMap.mustWait(partition), true, "a read depends on what is not acknowledged");
    follower.acknowledge(1);
    partition.settle();
    assert.equal(results.get(waits), "3.1");
  });

  it("reads the required set when it acknowledges, not when it sends", async () => {
    const follower = new Follower(partition.seq, () => undefined);
    partition.follower = follower;
    const waits = write("a", "1");
    turn();
    follower.required = true;
    await held.finishNext();
    assert.equal(results.get(waits), undefined, "it became required between sending and commit");
  });

  it("stops writes into a new epoch when the engine fails under a required follower", async () => {
    const follower = new Follower(partition.seq, () => undefined);
    partition.follower = follower;
    follower.required = true;
    const unknown = write("a", "1");
    turn();
    await held.finishNext(new EkvError("RESOURCE_EXHAUSTED", "disk full"));
    assert.equal(results.get(unknown), "OUTCOME_UNKNOWN");
    assert.equal(partition.writable, false);
    assert.equal(partition.readable, true);
    partition.entry = { ...partition.entry!, epoch: 4 as Epoch };
    refreshGates(partition, self);
    assert.equal(partition.writable, true);
  });

  it("checks the deadline again before it assigns a seq", () => {
    const late = write("a", "1", { deadlineMs: 0 });
    assert.equal(results.get(late), "DEADLINE_EXCEEDED");
    assert.equal(partition.seq, 0);
  });

  it("expires by a delete that is committed before a reader hears of it", async () => {
    write("a", "1", { expiresAtMs: 2000 });
    turn();
    await held.finishNext();
    wallMs = 2000;
    const record = Uint8Array.from(kvMap.get(partition, Buffer.from("a"))!);
    assert.equal(kvMap.hasExpired(record), true);
    let told = false;
    kvMap.expire(partition, Buffer.from("a"), record, () => {
      told = true;
    });
    turn();
    assert.equal(told, false);
    await held.finishNext();
    assert.equal(told, true);
    wallMs = 0;
    assert.equal(read("a"), undefined, "a clock set back does not bring it to life");
  });

  it("refuses a condition for an expiry only when that is committed", async () => {
    write("a", "1", { expiresAtMs: 2000 });
    turn();
    await held.finishNext();
    wallMs = 2000;
    const condition = { kind: "if-version", version: { epoch: 1 as Epoch, seq: 1 } } as const;
    const late = write("a", "2", { condition });
    assert.equal(results.get(late), undefined, "a clock set back could still bring it to life");
    turn();
    await held.finishNext();
    assert.equal(results.get(late), "CONDITION_FAILED");
    wallMs = 0;
    assert.equal(read("a"), undefined);
  });

  it("says that a delete found nothing, without a write", () => {
    const nothing = write("absent", undefined);
    assert.equal(results.get(nothing), "not found");
    assert.equal(partition.seq, 0);
  });

  it("keeps digest, count and bytes those of the data, and commits them with it", async () => {
    write("a", "xx");
    write("b", "yyy");
    write("a", "z");
    write("b", undefined);
    turn();
    await held.finishNext();
    assert.equal(partition.digest.keys, 1);
    assert.equal(partition.digest.bytes, 2);
    const { seq, digest } = decodeCounters(held.engine.getCounters(partition.id, 1 as Generation));
    assert.equal(seq, 4);
    assert.ok(digest.equals(partition.digest));
  });

  it("commits a delete with its tombstone", async () => {
    write("a", "1");
    write("a", undefined, { value: Buffer.from("ignored") });
    turn();
    const [, tombstone] = held.commits[0]?.batch ?? [];
    assert.ok(tombstone?.kind === "delete");
    assert.deepEqual(recordVersion(tombstone.record), { epoch: 3, seq: 2 });
    assert.ok(recordIsDeleted(tombstone.record));
    assert.equal(tombstone.record.length, recordValueOffset(tombstone.record));
    await held.finishNext();
    assert.equal(read("a"), undefined);
  });
});

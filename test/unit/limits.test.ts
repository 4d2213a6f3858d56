import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { keyViolation, ttlViolation, valueViolation } from "../../services/core/checks.js";
import { limits, messageBytesMax } from "../../services/core/limits.js";
import { Follower } from "../../services/core/store/follower.js";
import { Topology } from "../../services/gen/elastickv/v1/common.js";
import { RateLimit } from "../../services/migration/rate-limit.js";

describe("the rate limit of moves", () => {
  it("lets a burst through, then as many bytes a second as it was set to", () => {
    let nowMs = 0;
    const limit = new RateLimit({
      nowMs: () => nowMs,
      wallMs: () => 0,
      setTimer: () => ({ cancel: () => undefined }),
      endOfTurn: (callback: () => void) => callback(),
    });
    assert.equal(limit.spend(1e9), 0, "no limit at first");
    limit.set(1000);
    nowMs = 1000;
    assert.equal(limit.spend(1000), 0, "a second's worth");
    assert.equal(limit.spend(500), 500, "half a second's worth more: in debt for that long");
    nowMs = 1500;
    assert.equal(limit.spend(100), 100);
    nowMs = 60_000;
    assert.equal(limit.spend(1000), 0, "idle time is worth a second, not more");
    assert.equal(limit.spend(1000), 1000);
  });
});

describe("the queue to a move's target", () => {
  const write = (seq: number): { seq: number; key: Uint8Array; record: Uint8Array } => ({
    seq,
    key: new Uint8Array(4),
    record: new Uint8Array(6),
  });

  it("is full at its limit of bytes, and no longer when some were taken", () => {
    let queued = 0;
    const follower = new Follower(0, () => (queued += 1), 25);
    follower.append(write(1));
    follower.append(write(2));
    assert.equal(follower.full, false);
    follower.append(write(3));
    assert.equal(follower.full, true);
    assert.equal(queued, 1, "told once, when it stopped being empty");
    assert.deepEqual(
      follower.take(11).map(({ seq }) => seq),
      [1, 2],
    );
    assert.equal(follower.full, false);
    assert.equal(follower.queuedBytes, 10);
  });

  it("gives at least one write, however large, and skips what a snapshot holds", () => {
    const follower = new Follower(0, () => undefined);
    for (const seq of [1, 2, 3]) follower.append(write(seq));
    follower.skipTo(2);
    assert.equal(follower.ackedSeq, 2);
    assert.deepEqual(
      follower.take(1).map(({ seq }) => seq),
      [3],
    );
    assert.deepEqual(follower.take(1), []);
  });
});

describe("the limits of keys, values and times to live", () => {
  it("hold at their very edges", () => {
    assert.equal(keyViolation(1), undefined);
    assert.equal(keyViolation(1024), undefined);
    assert.match(keyViolation(0)?.message ?? "", /^key: is empty/);
    assert.match(keyViolation(1025)?.message ?? "", /1025 bytes; at most 1024/);
    assert.equal(valueViolation(10, 10), undefined);
    assert.match(valueViolation(11, 10)?.message ?? "", /^value: has 11 bytes; at most 10/);
    assert.equal(ttlViolation(0), undefined);
    assert.ok(ttlViolation(-1) && ttlViolation(0.5) && ttlViolation(Number.NaN));
  });
});

describe("the topology of the largest cluster", () => {
  it("fits into one message with the longest names, while every partition moves", () => {
    const replica = { storeId: "s".repeat(63), incarnation: limits.incarnationMax };
    const moveId = "m".repeat(limits.idCharactersMax);
    const endpoint = { ...replica, address: "a".repeat(limits.addressCharactersMax), alive: true };
    const topology = Topology.fromPartial({
      partitionCount: limits.partitionCountMax,
      stores: Array(limits.storesMax).fill(endpoint),
      partitions: Array.from({ length: limits.partitionCountMax }, (_, partition) => ({
        ...{ partition, epoch: limits.epochMax, primary: replica },
        ...{ backups: [replica], learners: [{ replica, moveId }] },
      })),
    });
    const bytes = Topology.encode(topology).finish().length;
    assert.ok(bytes < messageBytesMax / 2, `${bytes} bytes`);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  brandAs,
  type Epoch,
  type Generation,
  type Incarnation,
  type MoveId,
  type PartitionId,
  type StoreId,
} from "../../services/core/ids.js";
import { Partition } from "../../services/core/store/partition.js";
import { Turns } from "../../services/core/store/turns.js";
import type { Replica } from "../../services/core/topology.js";
import type { PeerLink } from "../../services/migration/peer-link.js";
import { RateLimit } from "../../services/migration/rate-limit.js";
import { SourceMove } from "../../services/migration/source-move.js";
import { systemClock } from "../../services/runtime/clock.js";
import { memoryEngine } from "../support/engines.js";

const replica = (name: string): Replica => ({
  storeId: brandAs<StoreId>(name),
  incarnation: brandAs<Incarnation>(1),
});

/** A partition of s1 at an epoch. */
function enter(partition: Partition, epoch: number): void {
  partition.entry = {
    partition: partition.id,
    epoch: brandAs<Epoch>(epoch),
    primary: replica("s1"),
    backups: [],
    learners: [],
    halted: false,
  };
}

/** What a move sends whose snapshot had to wait for a write, while `meanwhile` happened. */
function sentBehindWrite(meanwhile: (partition: Partition) => void): string[] {
  const sent: string[] = [];
  const link = {
    listen: () => undefined,
    unlisten: () => undefined,
    sendTransfer: (message: { readonly $case: string }) => void sent.push(message.$case),
  } as unknown as PeerLink;
  const partition = new Partition(brandAs<PartitionId>(0));
  partition.generation = brandAs<Generation>(1);
  enter(partition, 4);
  partition.seq = 1;
  const context = {
    engine: memoryEngine(),
    clock: systemClock,
    rateLimit: new RateLimit(systemClock),
    turns: new Turns(() => Promise.resolve()),
    clusterId: "c",
    partitionCount: 1,
    self: () => replica("s1"),
    reported: () => undefined,
  };
  const move = { moveId: brandAs<MoveId>("move-1"), partition, target: replica("s2"), link };
  new SourceMove(context, move).start();
  meanwhile(partition);
  partition.localSeq = 1;
  partition.settle();
  return sent;
}

describe("the snapshot of a move", () => {
  it("waits for the writes before it", () => {
    assert.deepEqual(
      sentBehindWrite(() => undefined),
      ["startChunkTransfer"],
    );
  });

  it("is not taken any more when the move was rolled back meanwhile", () => {
    assert.deepEqual(
      sentBehindWrite((partition) => enter(partition, 5)),
      [],
    );
  });
});

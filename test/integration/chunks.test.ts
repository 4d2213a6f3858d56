import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { encodeRecord } from "../../services/core/record.js";
import type { Epoch } from "../../services/core/ids.js";
import { anyServer } from "../../services/core/server-identity.js";
import {
  NackReason,
  type TransferRequest,
  type TransferResponse,
} from "../../services/gen/elastickv/v1/migration.js";
import { checksumOf, encodeRecordBatch } from "../../services/migration/record-batch.js";
import { migrationService } from "../../services/wire/services.js";
import { replicaToWire } from "../../services/wire/topology.js";
import { HandCluster, type HandStore } from "../support/hand-cluster.js";
import { RawClient } from "../support/raw-client.js";
import { waitFor } from "../support/wait-for.js";

const partition = 1;

describe("chunks at the target of a move", () => {
  let cluster: HandCluster;
  let source: HandStore;
  let target: HandStore;
  let client: RawClient;

  beforeEach(async () => {
    cluster = new HandCluster();
    source = await cluster.start("s1");
    target = await cluster.start("s2");
    await cluster.assignAll(source);
    await cluster.commit({ partition, learners: [{ replica: target.replica, moveId: "m" as never }] });
    client = new RawClient(target.server.address);
  });

  afterEach(async () => {
    client.close();
    await cluster.stop();
  });

  const start = (clusterId = "hand-made", moveId = "m", epoch = 1): TransferRequest => ({
    ...anyServer,
    message: {
      $case: "startChunkTransfer",
      value: {
        moveId,
        clusterId,
        partitionCount: cluster.partitionCount,
        partition,
        epoch,
        source: replicaToWire(source.replica),
        target: replicaToWire(target.replica),
        snapshot: { epoch: 1, seq: 10 },
        keys: 4,
        bytes: 100,
      },
    },
  });

  const chunk = (number: number, { damage = false, last = false, moveId = "m" } = {}): TransferRequest => {
    const records = encodeRecordBatch([
      {
        key: cluster.keyOf(partition, number),
        record: encodeRecord({ epoch: 1 as Epoch, seq: number + 1, expiresAtMs: 0 }, Buffer.from("value")),
      },
    ]);
    const checksum = checksumOf(records);
    if (damage) records.records[records.records.length - 1]! ^= 1;
    return {
      ...anyServer,
      message: { $case: "chunkDataTransfer", value: { moveId, chunk: number, records, checksum, last } },
    };
  };

  const complete = (chunks: number): TransferRequest => ({
    ...anyServer,
    message: { $case: "dataTransferComplete", value: { moveId: "m", chunks, stored: undefined } },
  });

  const send = (requests: readonly TransferRequest[], answers: number): Promise<TransferResponse[]> =>
    client.exchange(migrationService.transfer, requests, answers);

  /** Sends a start and its only chunk, and behind them what is refused at once, before the master announces the move. */
  const sendEarly = async (moveId: string): Promise<TransferResponse[]> => {
    const answers: TransferResponse[] = [];
    const early = [start("hand-made", moveId, 2), chunk(0, { moveId, last: true }), start("other")];
    const ended = client.exchange(migrationService.transfer, early, 3, (answer) => answers.push(answer));
    await waitFor("what came behind to be answered", () => answers.length === 1);
    const learners = [{ replica: target.replica, moveId: moveId as never }];
    await cluster.commit({ partition, epoch: 2 as Epoch, learners });
    await ended;
    return answers;
  };

  const verdicts = (answers: readonly TransferResponse[]): (boolean | string | undefined)[] =>
    answers.map(({ message }) =>
      message?.$case === "chunkVerificationResponse" ? message.value.verified : message?.$case,
    );

  it("refuses a damaged chunk and takes it when it comes whole", async () => {
    const answers = await send([start(), chunk(0, { damage: true }), chunk(0), complete(1)], 4);
    assert.deepEqual(verdicts(answers), ["startChunkTransfer", false, true, "dataTransferComplete"]);
  });

  it("takes a chunk that comes twice once", async () => {
    const answers = await send([start(), chunk(0), chunk(0), chunk(1), complete(2)], 5);
    assert.deepEqual(verdicts(answers), ["startChunkTransfer", true, true, true, "dataTransferComplete"]);
    const last = answers.at(-1)?.message;
    assert.equal(last?.$case === "dataTransferComplete" && last.value.stored?.digest?.keys, 2);
  });

  it("asks for a chunk again that came too early", async () => {
    const answers = await send([start(), chunk(1), chunk(0), chunk(1), complete(2)], 5);
    assert.deepEqual(verdicts(answers), ["startChunkTransfer", false, true, true, "dataTransferComplete"]);
  });

  it("says with the last chunk what is stored, and again when that comes twice", async () => {
    const answers = await send([start(), chunk(0), chunk(1, { last: true }), chunk(1, { last: true })], 4);
    const stored = answers.map(({ message }) =>
      message?.$case === "chunkVerificationResponse" ? message.value.stored?.digest?.keys : undefined,
    );
    assert.deepEqual(stored, [undefined, undefined, 2, 2]);
    const [again, completed] = await send([start(), complete(2)], 2);
    assert.equal(again?.message?.$case === "startChunkTransfer" && again.message.value.nextChunk, 2);
    assert.deepEqual(completed?.message?.$case, "dataTransferComplete");
  });

  it("does not take a damaged last chunk for the whole copy", async () => {
    const damaged = chunk(0, { damage: true, last: true });
    const answers = await send([start(), damaged, chunk(0, { last: true })], 3);
    assert.deepEqual(verdicts(answers), ["startChunkTransfer", false, true]);
    const stored = answers.map(
      ({ message }) => message?.$case === "chunkVerificationResponse" && !!message.value.stored,
    );
    assert.deepEqual(stored, [false, false, true]);
  });

  it("does not take a chunk of a new attempt for one of the copy that the last has left", async () => {
    await send([start(), chunk(0), chunk(1, { last: true })], 3);
    const answers = await sendEarly("m");
    assert.deepEqual(verdicts(answers), ["nack", "startChunkTransfer", true]);
    const stored = answers.at(-1)?.message;
    assert.equal(stored?.$case === "chunkVerificationResponse" && stored.value.stored?.digest?.keys, 1);
  });

  it("lets a start that is accepted take the place of an earlier attempt's, which waits", async () => {
    const stale = [start("hand-made", "m", 0), chunk(0)];
    const answers = await send([...stale, start(), chunk(0, { last: true })], 2);
    assert.deepEqual(verdicts(answers), ["startChunkTransfer", true]);
  });

  it("keeps a chunk that came behind a start which waits for the master's word", async () => {
    const answers = await sendEarly("m2");
    assert.deepEqual(verdicts(answers), ["nack", "startChunkTransfer", true]);
  });

  it("refuses completion while chunks are missing, and forgets the move", async () => {
    const answers = await send([start(), chunk(0), complete(2), chunk(1)], 4);
    assert.deepEqual(verdicts(answers), ["startChunkTransfer", true, "nack", "nack"]);
    const reasons = answers.flatMap(({ message }) =>
      message?.$case === "nack" ? [message.value.reason] : [],
    );
    assert.deepEqual(reasons, [NackReason.OUT_OF_ORDER, NackReason.UNKNOWN_MOVE]);
  });

  it("goes on where it stood when the stream broke", async () => {
    await send([start(), chunk(0)], 2);
    const [again] = await send([start()], 1);
    assert.equal(again?.message?.$case === "startChunkTransfer" && again.message.value.nextChunk, 1);
  });

  it("answers a start that waits for the master's word when another comes in its place, and then begins that", async () => {
    const answers: TransferResponse[] = [];
    const requests = [start("hand-made", "m2", 2), start("hand-made", "m3", 2)];
    const ended = client.exchange(migrationService.transfer, requests, 2, (answer) => answers.push(answer));
    await waitFor("the first to be answered", () => answers.length === 1);
    const nack = answers[0]?.message;
    assert.equal(nack?.$case === "nack" && nack.value.moveId, "m2");
    assert.equal(nack?.$case === "nack" && nack.value.reason, NackReason.UNKNOWN_MOVE);
    const learners = [{ replica: target.replica, moveId: "m3" as never }];
    await cluster.commit({ partition, epoch: 2 as Epoch, learners });
    await ended;
    assert.equal(answers[1]?.message?.$case, "startChunkTransfer");
  });

  it("refuses a store of another cluster", async () => {
    const [answer] = await send([start("other")], 1);
    assert.equal(
      answer?.message?.$case === "nack" && answer.message.value.reason,
      NackReason.CLUSTER_MISMATCH,
    );
  });
});

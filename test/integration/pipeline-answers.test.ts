import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { limits } from "../../services/core/limits.js";
import { CallKind, CallStatus, PipelineRequest } from "../../services/gen/elastickv/v1/store.js";
import { storeService } from "../../services/wire/services.js";
import { HandCluster } from "../support/hand-cluster.js";
import { RawClient } from "../support/raw-client.js";

const kindsByLetter: Readonly<Record<string, CallKind>> = {
  g: CallKind.GET,
  p: CallKind.PUT,
  d: CallKind.DELETE,
};

/** A batch whose calls go by one letter each: g gets, p puts, d deletes, its own key each. */
function batchOf(calls: string, firstCall = 0): PipelineRequest {
  const kinds = [...calls].map((call) => kindsByLetter[call] as CallKind);
  const keys = kinds.map((_, i) => `key ${firstCall + i}`);
  const puts = kinds.filter((kind) => kind === CallKind.PUT).length;
  return PipelineRequest.fromPartial({
    firstCall,
    kinds: Buffer.from(kinds),
    keys: Buffer.from(keys.join("")),
    keyLengths: keys.map((key) => key.length),
    values: Buffer.alloc(puts, "v"),
    valueLengths: Array<number>(puts).fill(1),
  });
}

describe("the answers of a pipeline", { timeout: 240_000 }, () => {
  let cluster: HandCluster;
  let client: RawClient;

  before(async () => {
    cluster = new HandCluster();
    await cluster.assignAll(await cluster.start("s1"));
    cluster.stores.forEach(({ server }) => (client = new RawClient(server.address)));
  });

  after(async () => {
    client.close();
    await cluster.stop();
  });

  const numbersOf = (answer: { firstCall: number; offsets: number[]; statuses: Uint8Array }): number[] =>
    Array.from(answer.statuses, (_, i) => answer.firstCall + (answer.offsets[i] ?? i));

  it("of a short batch with writes come in one message", async () => {
    const [answer] = await client.exchange(storeService.pipeline, [batchOf("gpgpg")], 1);
    assert.ok(answer);
    assert.deepEqual(numbersOf(answer), [0, 2, 4, 1, 3]);
    const { OK, NOT_FOUND } = CallStatus;
    assert.deepEqual([...answer.statuses], [NOT_FOUND, NOT_FOUND, NOT_FOUND, OK, OK]);
    assert.equal(answer.seqs.length, 2);
  });

  it("of a short batch come in one message though nothing was there to delete", async () => {
    const [answer] = await client.exchange(storeService.pipeline, [batchOf("dgpd", 500)], 1);
    assert.ok(answer);
    assert.deepEqual(numbersOf(answer), [500, 501, 503, 502]);
    const { OK, NOT_FOUND } = CallStatus;
    assert.deepEqual([...answer.statuses], [NOT_FOUND, NOT_FOUND, NOT_FOUND, OK]);
  });

  it("of a long batch come in two: what it reads is not held up by what it writes", async () => {
    const calls = `p${"g".repeat(200)}`;
    const answers = await client.exchange(storeService.pipeline, [batchOf(calls, 1000)], 2);
    assert.deepEqual(
      answers.map(({ statuses }) => statuses.length),
      [200, 1],
    );
  });

  it("of several short batches that come together are all there, each once", async () => {
    const batches = Array.from({ length: 40 }, (_, i) => batchOf("gpg", 2000 + 3 * i));
    const seen: number[] = [];
    await new Promise<void>((resolve, reject) => {
      client
        .exchange(storeService.pipeline, batches, 1000, (answer) => {
          seen.push(...numbersOf(answer));
          if (seen.length >= 120) resolve();
        })
        .catch(reject);
    });
    assert.deepEqual(
      seen.sort((a, b) => a - b),
      Array.from({ length: 120 }, (_, i) => 2000 + i),
    );
  });

  it("are all sent before the stream ends, those too that have no room for more", async () => {
    const key = Buffer.from("long");
    const long = { key, value: Buffer.alloc(limits.valueBytesMax, "l"), condition: undefined, ttlMs: 0 };
    await client.call(storeService.put, { ...long, identity: undefined });
    const putThenGet = {
      ...batchOf("p", 3000),
      kinds: Buffer.of(CallKind.PUT, CallKind.GET),
      keys: Buffer.from("shortlong"),
      keyLengths: [5, 4],
    };
    const answers = await client.exchangeAll(storeService.pipeline, [putThenGet]);
    assert.deepEqual(answers.flatMap(numbersOf).sort(), [3000, 3001]);
  });
});

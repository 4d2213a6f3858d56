import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { EkvError } from "../../services/core/errors.js";
import { anyServer } from "../../services/core/server-identity.js";
import { CallKind, CallStatus, PipelineRequest } from "../../services/gen/elastickv/v1/store.js";
import { openGrpcChannel } from "../../services/wire/grpc-channel.js";
import { fromServiceError } from "../../services/wire/errors.js";
import { storeService, topologyService } from "../../services/wire/services.js";
import { HandCluster } from "../support/hand-cluster.js";
import { RawClient, refusedWith } from "../support/raw-client.js";
import { waitFor } from "../support/wait-for.js";

const none = Buffer.alloc(0);

describe("bad input to a store", { timeout: 480_000 }, () => {
  let cluster: HandCluster;
  let client: RawClient;

  before(async () => {
    cluster = new HandCluster();
    const store = await cluster.start("s1");
    await cluster.assignAll(store);
    client = new RawClient(store.server.address);
  });

  after(async () => {
    client.close();
    await cluster.stop();
  });

  const put = (key: Buffer, value: Buffer, ttlMs = 0): Promise<unknown> =>
    client.call(storeService.put, { key, value, ttlMs, condition: undefined, identity: undefined });

  it("refuses an empty and an oversized key, naming the field", async () => {
    await assert.rejects(put(none, none), refusedWith("INVALID_ARGUMENT", /^key: is empty/));
    await assert.rejects(
      put(Buffer.alloc(1025), none),
      refusedWith("INVALID_ARGUMENT", /^key: has 1025 bytes/),
    );
    await put(Buffer.alloc(1024, "k"), none);
    await assert.rejects(
      client.call(topologyService.lookup, { key: none }),
      refusedWith("INVALID_ARGUMENT", /^key/),
    );
  });

  it("refuses an oversized value, and takes the largest", async () => {
    const key = Buffer.from("large");
    await assert.rejects(
      put(key, Buffer.alloc(4_194_305)),
      refusedWith("INVALID_ARGUMENT", /^value: has 4194305/),
    );
    await put(key, Buffer.alloc(4_194_304, 7));
    const { value } = await client.call(storeService.get, { key, consistency: 0 });
    assert.equal(value.length, 4_194_304);
  });

  it("refuses a time to live beyond the limit", async () => {
    await assert.rejects(put(Buffer.from("k"), none, 1e15), refusedWith("INVALID_ARGUMENT", /^ttl_ms/));
  });

  it("refuses a cursor that is not one of its own", async () => {
    const browse = (cursor: Buffer): Promise<unknown> =>
      client.collect(storeService.browse, {
        prefix: none,
        cursor,
        partitions: [],
        limit: 0,
        keysOnly: false,
      });
    await assert.rejects(browse(Buffer.from([1])), refusedWith("INVALID_ARGUMENT", /^cursor/));
    await assert.rejects(browse(Buffer.from([0, 0, 0, 99])), refusedWith("INVALID_ARGUMENT", /^cursor/));
  });

  it("refuses a partition that does not exist", async () => {
    const request = { prefix: none, cursor: none, partitions: [4], limit: 0, keysOnly: false };
    await assert.rejects(
      client.collect(storeService.browse, request),
      refusedWith("INVALID_ARGUMENT", /^partitions: names 4/),
    );
  });

  it("serves nothing at a store that has not heard from a master, and says so when the time is up", async () => {
    const idle = await cluster.start("s2");
    await assert.rejects(
      idle.store.calls.read(Buffer.from("k"), false, performance.now() + 20),
      refusedWith("UNAVAILABLE", /not served here in time/),
    );
    await idle.stop();
  });

  const malformed: readonly (readonly [string, Partial<PipelineRequest>, RegExp])[] = [
    ["an unknown kind", { kinds: Buffer.from([9]), keys: Buffer.from("k"), keyLengths: [1] }, /kinds/],
    [
      "missing key lengths",
      { kinds: Buffer.from([1]), keys: Buffer.from("k"), keyLengths: [] },
      /key_lengths/,
    ],
    ["key lengths beyond the keys", { kinds: Buffer.from([1]), keys: none, keyLengths: [5] }, /key_lengths/],
    [
      "a PUT without a value length",
      { kinds: Buffer.from([2]), keys: Buffer.from("k"), keyLengths: [1] },
      /value_lengths/,
    ],
    [
      "values without an owner",
      { kinds: Buffer.from([1]), keys: Buffer.from("k"), keyLengths: [1], values: Buffer.from("v") },
      /value_lengths/,
    ],
    [
      "too few timeouts",
      { kinds: Buffer.from([1, 1, 1]), keys: Buffer.from("abc"), keyLengths: [1, 1, 1], timeoutsMs: [1, 2] },
      /timeouts_ms/,
    ],
    [
      "options of a call that is not there",
      {
        kinds: Buffer.from([1]),
        keys: Buffer.from("k"),
        keyLengths: [1],
        options: [{ call: 3, condition: undefined, ttlMs: 0, wantVersion: true, consistency: 0 }],
      },
      /options/,
    ],
  ];

  for (const [what, batch, message] of malformed) {
    it(`refuses a pipeline batch with ${what}`, async () => {
      await assert.rejects(
        client.exchange(storeService.pipeline, [PipelineRequest.fromPartial(batch)], 1),
        refusedWith("INVALID_ARGUMENT", message),
      );
    });
  }

  it("refuses a pipeline batch that names another cluster, or another store, and says whose store this is", async () => {
    for (const other of [{ clusterId: "other" }, { storeId: "s2" }]) {
      await assert.rejects(
        client.exchange(storeService.pipeline, [PipelineRequest.fromPartial(other)], 1),
        (error: EkvError) => {
          assert.equal(error.code, "FAILED_PRECONDITION");
          assert.ok(error.notExecuted);
          assert.deepEqual(error.answeredBy, { clusterId: "hand-made", storeId: "s1" });
          return true;
        },
      );
    }
  });

  it("answers what came before a malformed batch first, and takes nothing behind it", async () => {
    const get = { kinds: Buffer.from([CallKind.GET]), keys: Buffer.from("absent"), keyLengths: [6] };
    const put = {
      kinds: Buffer.from([CallKind.PUT]),
      keys: Buffer.from("behind"),
      keyLengths: [6],
      valueLengths: [0],
    };
    const batches = [get, { ...get, keyLengths: [5] }, put].map((batch) =>
      PipelineRequest.fromPartial(batch),
    );
    const answers: unknown[] = [];
    await assert.rejects(
      client.exchange(storeService.pipeline, batches, 2, (answer) => answers.push(answer)),
      refusedWith("INVALID_ARGUMENT", /key_lengths/),
    );
    assert.equal(answers.length, 1);
    const key = Buffer.from("behind");
    assert.equal((await client.call(storeService.contains, { key, consistency: 0 })).found, false);
  });

  it("refuses a bad call of a batch alone, and executes the others", async () => {
    const batch = PipelineRequest.fromPartial({
      firstCall: 10,
      kinds: Buffer.from([CallKind.GET, CallKind.GET]),
      keys: Buffer.from("absent"),
      keyLengths: [0, 6],
    });
    const [answer] = await client.exchange(storeService.pipeline, [batch], 1);
    assert.deepEqual([...answer!.statuses], [CallStatus.ERROR, CallStatus.NOT_FOUND]);
    assert.equal(answer!.firstCall, 10);
    assert.match(answer!.failures[0]?.message ?? "", /^key: is empty/);
  });

  it("refuses too many items in one multi-call", async () => {
    const keys = Array.from({ length: 16_385 }, () => Buffer.from("k"));
    await assert.rejects(
      client.call(storeService.multiGet, { keys, consistency: 0 }),
      refusedWith("INVALID_ARGUMENT", /^keys: has 16385/),
    );
  });

  it("refuses the keys of a multi-get whose values would not fit in one answer, and answers the others", async () => {
    const key = Buffer.from("long");
    await put(key, Buffer.alloc(4_000_000));
    const keys = Array.from({ length: 40 }, () => key);
    const { results } = await client.call(storeService.multiGet, { keys, consistency: 0 });
    assert.equal(results.filter(({ outcome }) => outcome?.$case === "got").length, 4);
    const failure = results.at(-1)?.outcome;
    assert.ok(failure?.$case === "failure");
    assert.match(failure.value.message, /ask for fewer keys at once/);
  });

  it("refuses a condition of a kind that it does not know, rather than write without one", async () => {
    const request = { key: Buffer.from("c"), value: none, ttlMs: 0, identity: undefined };
    await assert.rejects(
      client.call(storeService.put, { ...request, condition: { kind: undefined } }),
      refusedWith("INVALID_ARGUMENT", /^condition: has no kind/),
    );
  });

  it("refuses partitions of a browse that do not ascend", async () => {
    const request = { prefix: none, cursor: none, partitions: [1, 1], limit: 0, keysOnly: false };
    await assert.rejects(
      client.collect(storeService.browse, request),
      refusedWith("INVALID_ARGUMENT", /^partitions: must ascend/),
    );
  });

  it("refuses bytes that are no message, to a call and in a stream", async () => {
    const noise = { requestSerialize: () => Buffer.from("ffffffffff", "hex") };
    const unary = { ...storeService.get, ...noise };
    await assert.rejects(
      client.call(unary, { key: none, consistency: 0 }),
      refusedWith("INVALID_ARGUMENT", /^message: cannot be read/),
    );
    const stream = { ...storeService.pipeline, ...noise };
    await assert.rejects(
      client.exchange(stream, [PipelineRequest.fromPartial({})], 1),
      refusedWith("INVALID_ARGUMENT", /^message: cannot be read/),
    );
  });

  it("refuses a pipeline beyond as many as it takes, and takes one again when others end", async () => {
    const channel = openGrpcChannel(cluster.stores[0]!.server.address, {}, anyServer);
    const { path, requestSerialize, responseDeserialize } = storeService.pipeline;
    const batch = PipelineRequest.fromPartial({
      kinds: Buffer.from([CallKind.GET]),
      keys: Buffer.from("absent"),
      keyLengths: [6],
    });
    let answered = 0;
    const refusals: EkvError[] = [];
    const streams = Array.from({ length: 101 }, () => {
      const stream = channel.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
      stream.on("data", () => (answered += 1));
      stream.on("error", (error) => refusals.push(fromServiceError(error)));
      stream.write(batch);
      return stream;
    });
    await waitFor("each to be answered or refused", () => answered + refusals.length === 101);
    assert.ok(answered > 0 && refusals.length > 0);
    for (const error of refusals) refusedWith("RESOURCE_EXHAUSTED", /^100 pipelines are open/)(error);
    for (const stream of streams) stream.cancel();
    channel.close();
    await waitFor("a pipeline to be taken", () =>
      client.exchange(storeService.pipeline, [batch], 1).then(
        () => true,
        () => false,
      ),
    );
  });

  it("serves on afterwards", async () => {
    const { found } = await client.call(storeService.contains, { key: Buffer.from("large"), consistency: 0 });
    assert.equal(found, true);
  });
});

import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { EkvError } from "../../client/index.js";
import { limits } from "../../services/core/limits.js";
import { endAll, failsWith, failureOf, open, start } from "../support/sdk-cluster.js";
import { waitFor } from "../support/wait-for.js";

afterEach(endAll);

const keysOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `bulk-${i}`);

describe("a bulk call", () => {
  it("of more keys than may be in flight does them all, in their order", async () => {
    const cluster = await start(2);
    const client = await open(cluster, { callsInFlightMax: 40 });
    const keys = keysOf(1000);
    assert.equal((await client.putMany(keys.map((key) => [key, `v-${key}`]))).length, 1000);
    assert.deepEqual(
      await client.getMany(keys),
      keys.map((key) => `v-${key}`),
    );
    assert.ok((await client.deleteMany(new Set(keys))).every((existed) => existed));
    assert.deepEqual([cluster.data.size, client.stats().failures], [0, 0]);
  });

  it("takes half of the calls that may be in flight, whatever their number, and leaves the rest to others", async () => {
    const cluster = await start(1);
    const client = await open(cluster, { callsInFlightMax: 40 });
    const store = cluster.store(0);
    store.script = () => "hold";
    const bulks = [1, 2, 3].map(() => client.getMany(keysOf(100)));
    const others = Array.from({ length: 20 }, (_, i) => client.get(`other-${i}`));
    await waitFor("a full window", () => store.held.length === 40);
    await assert.rejects(client.get("one too many"), failsWith("RESOURCE_EXHAUSTED"));
    let most = 0;
    const ended = Promise.all([...bulks, ...others]);
    store.script = (call) => {
      most = Math.max(most, client.stats().inFlight);
      setImmediate(() => call.answer());
      return "hold";
    };
    for (const call of store.held.splice(0)) call.answer();
    await ended;
    assert.ok(most <= 40, `${most} in flight`);
  });

  it("waits while others have all calls in flight, and is not refused", async () => {
    const cluster = await start(1);
    const client = await open(cluster, { callsInFlightMax: 4 });
    const store = cluster.store(0);
    store.script = () => "hold";
    const others = ["a", "b", "c", "d"].map((key) => client.get(key));
    await waitFor("the others", () => store.held.length === 4);
    const bulk = client.putMany(keysOf(10).map((key) => [key, "v"]));
    store.script = () => "answer";
    for (const call of store.held.splice(0)) call.answer();
    await Promise.all([...others, bulk]);
  });

  it("lets several take turns", async () => {
    const cluster = await start(1);
    const client = await open(cluster, { callsInFlightMax: 2 });
    const order: string[] = [];
    cluster.store(0).script = ({ key }) => {
      order.push(key.slice(0, 1));
      return "answer";
    };
    await Promise.all(["a", "b", "c"].map((name) => client.getMany([1, 2, 3, 4].map((i) => `${name}${i}`))));
    assert.equal(order.join(""), "aabcabcabcbc");
  });

  it("reads its items as it goes: no more than its window ahead", async () => {
    const cluster = await start(1);
    const client = await open(cluster);
    const store = cluster.store(0);
    store.script = () => "hold";
    let read = 0;
    function* entries(): Iterable<readonly [string, string]> {
      for (const key of keysOf(limits.bulkCallsMax + 500)) {
        read += 1;
        yield [key, "v"];
      }
    }
    const bulk = client.putMany(entries());
    await waitFor("a full window", () => store.held.length === limits.bulkCallsMax);
    assert.equal(read, limits.bulkCallsMax + 1);
    store.script = () => "answer";
    for (const call of store.held.splice(0)) call.answer();
    assert.equal((await bulk).length, limits.bulkCallsMax + 500);
  });

  it("holds no more bytes of values than its limit", async () => {
    const cluster = await start(1);
    const client = await open(cluster);
    const store = cluster.store(0);
    store.script = () => "hold";
    const value = "x".repeat(limits.bulkBytesMax / 8 - 100);
    const bulk = client.putMany(keysOf(20).map((key) => [key, value]));
    // Of values as long as these, a link sends few at a time; the others of the window wait at it.
    await waitFor("the first", () => store.held.length === limits.largeWritesUnansweredMax);
    assert.equal(client.stats().inFlight, 8);
    store.script = () => "answer";
    for (const call of store.held.splice(0)) call.answer();
    assert.equal((await bulk).length, 20);
  });

  it("that fails in part does the rest, and lists key, index and outcome of each that failed", async () => {
    const cluster = await start(2);
    const client = await open(cluster);
    const keys = keysOf(50);
    for (const store of cluster.stores) {
      store.script = ({ key }) => {
        if (key === "bulk-7") return new EkvError("RESOURCE_EXHAUSTED", "no room", { notExecuted: true });
        if (key === "bulk-9") return new EkvError("OUTCOME_UNKNOWN", "the disk failed");
        return "answer";
      };
    }
    const entries: unknown[] = keys.map((key) => [key, "v"]);
    entries[3] = ["", "v"];
    entries[4] = "no pair";
    const error = await failureOf(client.putMany(entries as never));
    assert.deepEqual(
      error.failures.map(({ index, key, outcome, error: { code } }) => ({ index, key, outcome, code })),
      [
        { index: 3, key: "", outcome: "not-executed", code: "INVALID_ARGUMENT" },
        { index: 4, key: "no pair", outcome: "not-executed", code: "INVALID_ARGUMENT" },
        { index: 7, key: "bulk-7", outcome: "not-executed", code: "RESOURCE_EXHAUSTED" },
        { index: 9, key: "bulk-9", outcome: "unknown", code: "OUTCOME_UNKNOWN" },
      ],
    );
    assert.deepEqual(
      [error.code, error.notExecuted, error.call, error.key],
      ["OUTCOME_UNKNOWN", false, "putMany", "bulk-9"],
    );
    assert.equal(error.message, '4 of 50 calls failed; the one at index 9 (key "bulk-9"): the disk failed');
    assert.deepEqual(
      error.violations.map(({ field }) => field),
      ["[3].key", "[4].entry"],
    );
    assert.equal(error.failures[2]?.error.store, cluster.owner("bulk-7").address);
    assert.equal(cluster.data.size, 46);
  });

  it("that is given up lists all that were not done, those that were never begun too", async () => {
    const cluster = await start(1);
    const client = await open(cluster, { callsInFlightMax: 20 });
    const store = cluster.store(0);
    store.script = ({ key }) => (Number(key.slice(5)) < 3 ? "answer" : "hold");
    const controller = new AbortController();
    const bulk = failureOf(client.deleteMany(keysOf(1000), { signal: controller.signal }));
    await waitFor("a full window", () => store.held.length === 10);
    controller.abort();
    const error = await bulk;
    assert.equal(error.failures.length, 997);
    assert.deepEqual(
      error.failures.map(({ outcome }) => outcome === "unknown"),
      error.failures.map((_, i) => i < 10),
    );
    assert.ok(error.failures.every(({ index, key }) => key === `bulk-${index}`));
    assert.equal(client.stats().inFlight, 0);
  });

  it("is waited for by close, which lets it begin the rest of its calls", async () => {
    const cluster = await start(1);
    const client = await open(cluster, { callsInFlightMax: 4 });
    const store = cluster.store(0);
    store.script = () => "hold";
    const bulk = client.putMany(keysOf(20).map((key) => [key, "v"]));
    await waitFor("the first calls", () => store.held.length === 2);
    const closed = client.close();
    await assert.rejects(client.getMany(["a"]), failsWith("FAILED_PRECONDITION", /closed/));
    store.script = () => "answer";
    for (const call of store.held.splice(0)) call.answer();
    assert.equal((await bulk).length, 20);
    await closed;
  });

  it("of what is no list, or of a list that throws, says so", async () => {
    const cluster = await start(1);
    const client = await open(cluster);
    for (const keys of ["abc", Buffer.from("abc"), { a: 1 }, null, undefined, 7]) {
      await assert.rejects(
        client.getMany(keys as never),
        failsWith("INVALID_ARGUMENT", /^keys: is .*give a list of keys/),
      );
    }
    await assert.rejects(
      client.putMany({ a: 1 } as never),
      failsWith("INVALID_ARGUMENT", /^entries: .*pairs/),
    );
    assert.equal(cluster.store(0).requests.length, 0);
    function* broken(): Iterable<string> {
      yield "a";
      throw new Error("no more");
    }
    const error = await failureOf(client.deleteMany(broken()));
    assert.match(error.message, /^keys: threw .*no more/);
    assert.equal((error.cause as Error).message, "no more");
    assert.deepEqual(await client.getMany([]), []);
  });
});

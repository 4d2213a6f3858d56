import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { codecs, connect, EkvError } from "../../client/index.js";
import { limits } from "../../services/core/limits.js";
import { brandAs, type Epoch, type Incarnation, type StoreId } from "../../services/core/ids.js";
import { CallKind } from "../../services/gen/elastickv/v1/store.js";
import { endAll, failsWith, open, start, warm } from "../support/sdk-cluster.js";
import { waitFor } from "../support/wait-for.js";

afterEach(endAll);

describe("calls", () => {
  it("put, get, getEntry, contains and delete say what the store says", async () => {
    const client = await open(await start());
    assert.deepEqual(await client.put("a", "one"), { epoch: 1, seq: 1 });
    assert.deepEqual(await client.put("a", "two"), { epoch: 1, seq: 2 });
    assert.equal(await client.get("a"), "two");
    assert.deepEqual(await client.getEntry("a"), {
      value: "two",
      version: { epoch: 1, seq: 2 },
      expiresAtMs: 0,
    });
    assert.equal(await client.contains("a"), true);
    assert.equal(await client.delete("a"), true);
    assert.equal(await client.delete("a"), false);
    assert.equal(await client.get("a"), undefined);
    assert.equal(await client.getEntry("a"), undefined);
    assert.equal(await client.contains("a"), false);
  });

  it("many at once keep their order, over all stores", async () => {
    const client = await open(await start(3));
    const keys = Array.from({ length: 200 }, (_, i) => `many-${i}`);
    await client.putMany(keys.map((key) => [key, `value of ${key}`]));
    assert.deepEqual(
      await client.getMany(keys),
      keys.map((key) => `value of ${key}`),
    );
    assert.deepEqual(await client.deleteMany([...keys.slice(0, 2), "nothing"]), [true, true, false]);
  });

  it("many of which some fail reject once all have ended", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const [first = "", second = ""] = cluster.keysOf(cluster.store(0), 2);
    cluster.store(0).script = ({ key }) =>
      key === first ? new EkvError("CONDITION_FAILED", "not so") : "hold";
    let ended = false;
    const both = client.putMany([
      [first, "1"],
      [second, "2"],
    ]);
    both.catch(() => (ended = true));
    const held = await waitFor("the second call", () => cluster.store(0).held[0]);
    assert.equal(ended, false);
    held.answer();
    await assert.rejects(both, failsWith("CONDITION_FAILED", /not so/));
    assert.equal(cluster.data.get(second)?.value.toString(), "2");
  });

  it("with another codec share connections; closing such a client closes nothing", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const json = client.withCodec(codecs.json<{ n: number }>());
    await json.put("j", { n: 7 });
    assert.deepEqual(await json.get("j"), { n: 7 });
    await json.close();
    assert.equal(await client.get("j"), '{"n":7}');
    assert.ok(cluster.owner("j").pipelines <= 1);
  });

  it("are counted", async () => {
    const client = await open(await start());
    await client.put("a", "1");
    await client.get("a");
    assert.deepEqual(client.stats(), { calls: 2, failures: 0, retries: 0, redirects: 0, inFlight: 0 });
  });
});

describe("pipelining", () => {
  it("calls of one turn to one store travel in one request, and many in four", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const store = cluster.store(0);
    await warm(client, cluster, store);
    const keys = cluster.keysOf(store, 400);
    await Promise.all(keys.slice(0, 32).map((key) => client.get(key)));
    await Promise.all(keys.map((key) => client.get(key)));
    const [few, ...many] = store.batches;
    assert.deepEqual(few, keys.slice(0, 32));
    const lengths = many.map((batch) => batch.length);
    assert.deepEqual(lengths, [100, 100, 100, 100]);
    assert.deepEqual(many.flat(), keys);
  });

  it("answers may come in any order", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const store = cluster.store(0);
    const keys = cluster.keysOf(store, 20);
    await client.putMany(keys.map((key) => [key, key]));
    store.script = () => "hold";
    const reads = Promise.all(keys.map((key) => client.get(key)));
    await waitFor("all calls", () => store.held.length === keys.length);
    for (const call of store.held.splice(0).reverse()) call.answer();
    assert.deepEqual(await reads, keys);
  });

  it("calls that wait at the store hold up no others", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const store = cluster.store(0);
    const free = await warm(client, cluster, store);
    store.script = ({ kind }) => (kind === CallKind.PUT ? "hold" : "answer");
    const slow: Promise<unknown>[] = [];
    for (let turn = 0; turn < 8; turn += 1) {
      slow.push(client.put(free, `${turn}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waitFor("slow calls", () => store.held.length > 0);
    assert.equal(await client.contains(free, { deadlineMs: 2000 }), false);
    store.script = () => "answer";
    for (const call of store.held.splice(0)) call.answer();
    await Promise.all(slow);
  });

  it("a value of its own limit fits, a longer one and a bad key are refused before anything is sent", async () => {
    const cluster = await start();
    const client = await open(cluster, { valueBytesMax: limits.valueBytesMax });
    const largest = "x".repeat(limits.valueBytesMax);
    await client.put("large", largest);
    assert.equal((await client.get("large"))?.length, largest.length);
    const sent = cluster.stores.reduce((sum, store) => sum + store.requests.length, 0);
    await assert.rejects(
      client.put("k", `${largest}x`),
      failsWith("INVALID_ARGUMENT", /^value: has 4194305/),
    );
    await assert.rejects(client.get(""), failsWith("INVALID_ARGUMENT", /^key: is empty/));
    await assert.rejects(client.get("é".repeat(513)), failsWith("INVALID_ARGUMENT", /^key: has 1026/));
    assert.equal(
      cluster.stores.reduce((sum, store) => sum + store.requests.length, 0),
      sent,
    );
  });

  it("input that is no input is refused with the field's name", async () => {
    const client = await open(await start());
    const json = client.withCodec(codecs.json<unknown>());
    const circular: unknown[] = [];
    circular.push(circular);
    await assert.rejects(json.put("k", circular), failsWith("INVALID_ARGUMENT", /^value: /));
    await assert.rejects(json.put("k", undefined), failsWith("INVALID_ARGUMENT", /^value: /));
    await assert.rejects(client.get(7 as never), failsWith("INVALID_ARGUMENT", /^key: /));
    await assert.rejects(client.put("k", "v", { ttlMs: -1 }), failsWith("INVALID_ARGUMENT", /^ttlMs: /));
    for (const deadlineMs of [0, -5, NaN, Infinity, 2 ** 40]) {
      await assert.rejects(client.get("k", { deadlineMs }), failsWith("INVALID_ARGUMENT", /^deadlineMs: /));
    }
    const ifVersion = { epoch: brandAs<Epoch>(-1), seq: 0.5 };
    await assert.rejects(client.put("k", "v", { ifVersion }), failsWith("INVALID_ARGUMENT", /^ifVersion: /));
    const known = { epoch: brandAs<Epoch>(1), seq: 1 };
    await assert.rejects(
      client.put("k", "v", { ifAbsent: true, ifVersion: known }),
      failsWith("INVALID_ARGUMENT", /^ifVersion: /),
    );
  });

  it("more calls than may be in flight are refused at once", async () => {
    const cluster = await start();
    const client = await open(cluster, { callsInFlightMax: 3 });
    for (const store of cluster.stores) store.script = () => "hold";
    const three = ["a", "b", "c"].map((key) => client.get(key));
    await assert.rejects(client.get("d"), failsWith("RESOURCE_EXHAUSTED", /callsInFlightMax/));
    await waitFor("all calls", () => cluster.stores.flatMap(({ held }) => held).length === 3);
    for (const store of cluster.stores) for (const call of store.held) call.answer();
    await Promise.all(three);
    assert.equal(client.stats().inFlight, 0);
  });
});

describe("a key that moved", () => {
  it("is found with one redirect, before any push tells of it", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const [from, to] = [cluster.store(0), cluster.store(1)];
    const key = await warm(client, cluster, from);
    cluster.move(cluster.partitionOf(key), to, false);
    await client.put(key, "new home");
    assert.deepEqual([from.writes.get(key), to.writes.get(key)], [undefined, 1]);
    assert.equal(client.stats().redirects, 1);
    await client.put(key, "again");
    assert.equal(client.stats().redirects, 1);
  });

  it("is asked of the new owner at once after a push", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const key = await warm(client, cluster, cluster.store(0));
    cluster.move(cluster.partitionOf(key), cluster.store(1));
    await waitFor("the push", () => client.topology().version === 2);
    await client.put(key, "v");
    assert.equal(client.stats().redirects, 0);
  });

  it("is asked again with pauses while its new owner does not know yet", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const [from, to] = [cluster.store(0), cluster.store(1)];
    const key = await warm(client, cluster, from);
    const stale = cluster.topology.partitions[cluster.partitionOf(key)];
    let refusals = 4;
    to.script = () => {
      refusals -= 1;
      return refusals < 0 || stale === undefined
        ? "answer"
        : new EkvError("MOVED", "not mine", { moved: stale });
    };
    cluster.move(cluster.partitionOf(key), to);
    await client.put(key, "v");
    assert.equal(to.writes.get(key), 1);
    assert.equal(to.requests.length, 5);
  });

  it("is found at a store that the watched server has not told of", async () => {
    const cluster = await start(3);
    const all = cluster.topology.stores;
    const [from, to] = [cluster.store(0), cluster.store(2)];
    cluster.change({ stores: all.slice(0, 2) });
    const client = await open(cluster);
    const key = await warm(client, cluster, from);
    cluster.change({ stores: all }, false);
    cluster.move(cluster.partitionOf(key), to, false);
    await client.put(key, "new home");
    assert.equal(to.writes.get(key), 1);
    assert.equal(client.topology().stores.length, 3);
  });

  it("is waited for while its partition has no owner", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const key = await warm(client, cluster, cluster.store(0));
    cluster.move(cluster.partitionOf(key), undefined);
    await waitFor("the push", () => client.topology().version === 2);
    const write = client.put(key, "v");
    const doomed = client.put(key, "v", { deadlineMs: 40 });
    await assert.rejects(doomed, failsWith("DEADLINE_EXCEEDED", /nobody serves partition/));
    cluster.move(cluster.partitionOf(key), cluster.store(1));
    await write;
    assert.equal(cluster.store(1).writes.get(key), 1);
  });
});

describe("a broken stream", () => {
  for (const how of ["breakStreams", "endStreams"] as const) {
    it(`repeats reads and leaves sent writes open to question (${how})`, async () => {
      const cluster = await start();
      const client = await open(cluster);
      const store = cluster.store(0);
      const key = await warm(client, cluster, store);
      cluster.data.set(key, { value: Buffer.from("v"), epoch: 1, seq: 1, expiresAtMs: 0 });
      store.script = () => "hold";
      const read = client.get(key);
      const write = client.put(key, "w");
      const outcome = assert.rejects(write, failsWith("OUTCOME_UNKNOWN", /read before writing again/));
      await waitFor("both calls", () => store.held.length === 2);
      store.script = () => "answer";
      store[how]();
      await outcome;
      assert.equal(await read, "v");
      assert.equal(store.batches.flat().filter((sent) => sent === key).length, 3);
      assert.equal(store.writes.get(key), undefined);
    });
  }

  it("of a store that is down leaves writes queued, and they are executed once it is back", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const store = cluster.store(0);
    const key = await warm(client, cluster, store);
    store.kill();
    await waitFor("the break", () => store.pipelines === 0);
    const write = client.put(key, "v");
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(client.stats().inFlight, 1);
    await store.start();
    await write;
    assert.equal(store.writes.get(key), 1);
  });

  it("of a store that is down for good: its keys are asked of whom the topology names next", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const store = cluster.store(0);
    const key = await warm(client, cluster, store);
    store.kill();
    await waitFor("the break", () => store.pipelines === 0);
    // Less than it takes to give a connection up.
    const write = client.put(key, "v", { deadlineMs: 700 });
    await new Promise((resolve) => setImmediate(resolve));
    cluster.move(cluster.partitionOf(key), cluster.store(1));
    await write;
    assert.equal(cluster.store(1).writes.get(key), 1);
  });

  it("is followed by a new one after a store answered what nobody asked", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const store = cluster.store(0);
    const key = await warm(client, cluster, store);
    store.script = () => "hold";
    const read = client.contains(key);
    const call = await waitFor("the call", () => store.held[0]);
    store.script = () => "answer";
    call.answer();
    call.answer();
    await read;
    assert.equal(await client.contains(key), false);
  });

  it("an answer that the store was too busy to carry out the call is followed by another try", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const key = await warm(client, cluster, cluster.store(0));
    let refusals = 3;
    cluster.store(0).script = () => {
      refusals -= 1;
      return refusals < 0 ? "answer" : new EkvError("UNAVAILABLE", "starting", { notExecuted: true });
    };
    await client.put(key, "v");
    assert.equal(cluster.store(0).writes.get(key), 1);
    assert.equal(client.stats().retries, 3);
  });
});

describe("a call that takes too long or is given up", () => {
  it("past its deadline: a read has DEADLINE_EXCEEDED, a sent write OUTCOME_UNKNOWN", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const store = cluster.store(0);
    const key = await warm(client, cluster, store);
    store.script = () => "hold";
    const options = { deadlineMs: 30 };
    await assert.rejects(client.get(key, options), failsWith("DEADLINE_EXCEEDED", /30 ms/));
    await assert.rejects(client.put(key, "v", options), failsWith("OUTCOME_UNKNOWN"));
    // Late answers find nobody, and disturb nobody.
    store.script = () => "answer";
    for (const call of store.held.splice(0)) call.answer();
    assert.equal(await client.get(key), "v");
  });

  it("past its deadline before it was sent: nothing was executed", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const store = cluster.store(0);
    const key = await warm(client, cluster, store);
    store.kill();
    await waitFor("the break", () => store.pipelines === 0);
    await assert.rejects(client.put(key, "v", { deadlineMs: 60 }), (error: EkvError) => {
      assert.equal(error.notExecuted, true);
      return failsWith("DEADLINE_EXCEEDED", new RegExp(store.address))(error);
    });
  });

  it("aborted: CANCELLED, or OUTCOME_UNKNOWN for a write that was sent", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const store = cluster.store(0);
    const key = await warm(client, cluster, store);
    store.script = () => "hold";
    const controller = new AbortController();
    const { signal } = controller;
    const read = assert.rejects(client.get(key, { signal }), failsWith("CANCELLED"));
    const write = assert.rejects(client.put(key, "v", { signal }), failsWith("OUTCOME_UNKNOWN"));
    await waitFor("both calls", () => store.held.length === 2);
    const unsent = assert.rejects(client.put(key, "v", { signal }), failsWith("CANCELLED"));
    controller.abort();
    await Promise.all([read, write, unsent]);
    await assert.rejects(client.get(key, { signal }), failsWith("CANCELLED"));
    assert.equal(client.stats().inFlight, 0);
  });

  it("leaves no listener on the signal, however many calls share it", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on("warning", warned);
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal) as (...args: unknown[]) => void;
    const remove = signal.removeEventListener.bind(signal) as (...args: unknown[]) => void;
    Object.assign(signal, {
      addEventListener: (...args: unknown[]) => ((listeners += 1), add(...args)),
      removeEventListener: (...args: unknown[]) => ((listeners -= 1), remove(...args)),
    });
    await Promise.all(Array.from({ length: 100 }, (_, i) => client.get(`k${i}`, { signal })));
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", warned);
    assert.equal(listeners, 0);
    assert.deepEqual(warnings, []);
  });
});

describe("the topology", () => {
  it("is watched at a store when the master is down", async () => {
    const cluster = await start();
    const client = await open(cluster);
    cluster.master.kill();
    await waitFor("a watch at a store", () => cluster.stores.some((store) => store.watching > 0));
    const [key = ""] = cluster.keysOf(cluster.store(0), 1);
    cluster.move(cluster.partitionOf(key), cluster.store(1));
    await waitFor("the push", () => client.topology().version === 2);
    await client.put(key, "v");
    assert.equal(cluster.store(1).writes.get(key), 1);
    assert.equal(client.stats().redirects, 0);
  });

  it("is found through any one seed that works, and every change is told", async () => {
    const cluster = await start();
    const versions: number[] = [];
    const seeds = ["127.0.0.1:1", cluster.store(1).address];
    const client = await open(cluster, { seeds, onTopology: ({ version }) => versions.push(version) });
    cluster.change({});
    await waitFor("the change", () => client.topology().version === 2);
    assert.deepEqual(versions, [1, 2]);
  });

  it("that nobody tells makes connect fail in time, naming the seeds", async () => {
    const attempt = connect({ seeds: ["127.0.0.1:1"], connectTimeoutMs: 150 });
    await assert.rejects(attempt, failsWith("UNAVAILABLE", /within \d+ ms.*127\.0\.0\.1:1/));
  });

  it("without a store makes its pipeline end once its calls are answered", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const [leaver, heir] = [cluster.store(0), cluster.store(1)];
    const key = await warm(client, cluster, leaver);
    leaver.script = () => "hold";
    const write = client.put(key, "last");
    const held = await waitFor("the call", () => leaver.held[0]);
    held.answer();
    const open2 = client.put(key, "later");
    const second = await waitFor("the second call", () => leaver.held[1]);
    const partitions = cluster.topology.partitions.map((entry) =>
      entry.primary?.storeId === leaver.id
        ? {
            ...entry,
            epoch: brandAs<Epoch>(entry.epoch + 1),
            primary: { storeId: brandAs<StoreId>(heir.id), incarnation: brandAs<Incarnation>(1) },
          }
        : entry,
    );
    const stores = cluster.topology.stores.filter(({ storeId }) => storeId !== leaver.id);
    cluster.change({ partitions, stores });
    await waitFor("the push", () => client.topology().stores.length === 1);
    assert.equal(leaver.pipelines, 1);
    await write;
    second.answer();
    await open2;
    await waitFor("the end of the pipeline", () => leaver.pipelines === 0);
    assert.equal(heir.writes.get(key), 1);
  });
});

describe("closing", () => {
  it("waits for calls in flight, refuses new ones, and may be asked for twice", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const store = cluster.store(0);
    const key = await warm(client, cluster, store);
    store.script = () => "hold";
    const read = client.contains(key);
    const held = await waitFor("the call", () => store.held[0]);
    const closes = Promise.all([client.close(), client.close()]);
    await assert.rejects(client.get(key), failsWith("FAILED_PRECONDITION", /closed/));
    held.answer();
    assert.equal(await read, false);
    await closes;
    await waitFor("the end of the pipeline", () => store.pipelines === 0);
  });
});

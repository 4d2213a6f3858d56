import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { connectAdmin } from "../../client/admin.js";
import { codecs, EkvError } from "../../client/index.js";
import { endAll, failureOf, open, start, warm } from "../support/sdk-cluster.js";
import { waitFor } from "../support/wait-for.js";

afterEach(endAll);

function traceOf({ call, key, attempts, store }: EkvError): object {
  return { call, key, attempts, store };
}

describe("the error of a call", () => {
  it("names the call, its key, the attempts and the store: one that was refused", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const store = cluster.store(0);
    const key = await warm(client, cluster, store);
    let refusals = 0;
    store.script = () => {
      refusals += 1;
      const code = refusals <= 2 ? "UNAVAILABLE" : "RESOURCE_EXHAUSTED";
      return new EkvError(code, "no room", { notExecuted: true });
    };
    const error = await failureOf(client.put(key, "v"));
    assert.equal(error.code, "RESOURCE_EXHAUSTED");
    assert.deepEqual(traceOf(error), { call: "put", key, attempts: 3, store: store.address });
  });

  it("one that took too long, and one whose stream broke", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const store = cluster.store(0);
    const key = await warm(client, cluster, store);
    store.script = () => "hold";
    const late = await failureOf(client.contains(key, { deadlineMs: 1000 }));
    assert.deepEqual(traceOf(late), { call: "contains", key, attempts: 1, store: store.address });
    const write = failureOf(client.delete(key));
    await waitFor("the write", () => store.held.length === 2);
    store.breakStreams();
    const unknown = await write;
    assert.equal(unknown.code, "OUTCOME_UNKNOWN");
    assert.deepEqual(traceOf(unknown), { call: "delete", key, attempts: 1, store: store.address });
    assert.ok(unknown.cause instanceof EkvError, "why the stream broke");
  });

  it("one that was never sent, because its input was wrong or the client was closed", async () => {
    const client = await open(await start());
    const long = "k".repeat(2000);
    const wrong = await failureOf(client.get(long));
    assert.deepEqual(traceOf(wrong), { call: "get", key: long, attempts: 0, store: undefined });
    const misspelt = await failureOf(client.put("k", "v", { ttl: 1 } as never));
    assert.deepEqual(traceOf(misspelt), { call: "put", key: "k", attempts: 0, store: undefined });
    await client.close();
    const closed = await failureOf(client.getEntry("k"));
    assert.deepEqual(traceOf(closed), { call: "getEntry", key: "k", attempts: 0, store: undefined });
  });

  it("has the key as text where it is UTF-8, as bytes elsewhere", async () => {
    const client = await open(await start());
    await client.close();
    assert.equal((await failureOf(client.get(Buffer.from("é")))).key, "é");
    assert.equal((await failureOf(client.get("é"))).key, "é");
    const bytes = Uint8Array.of(0xff, 0);
    assert.deepEqual((await failureOf(client.get(bytes))).key, bytes);
  });

  it("has the signal's reason as its cause", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const store = cluster.store(0);
    const key = await warm(client, cluster, store);
    store.script = () => "hold";
    const controller = new AbortController();
    const { signal } = controller;
    const reason = new Error("the user left");
    const [read, write] = [
      failureOf(client.get(key, { signal })),
      failureOf(client.put(key, "v", { signal })),
    ];
    await waitFor("both calls", () => store.held.length === 2);
    const bulk = failureOf(client.getMany([key], { signal }));
    controller.abort(reason);
    assert.deepEqual([(await read).code, (await read).cause], ["CANCELLED", reason]);
    assert.deepEqual([(await write).code, (await write).cause], ["OUTCOME_UNKNOWN", reason]);
    assert.equal((await bulk).failures[0]?.error.cause, reason);
    assert.equal((await failureOf(client.get(key, { signal }))).cause, reason);
    assert.equal((await failureOf(client.scan({ signal }).next())).cause, reason);
  });

  it("has what a codec threw as its cause, in reads, writes and scans", async () => {
    const cluster = await start();
    const client = await open(cluster);
    await client.put("broken", "{");
    const json = client.withCodec(codecs.json<unknown>());
    for (const call of [json.get("broken"), json.getEntry("broken"), json.scan().next()]) {
      const error = await failureOf(call);
      assert.equal(error.code, "FAILED_PRECONDITION");
      assert.match(error.message, /cannot be decoded by this client's codec/);
      assert.equal(error.key, "broken");
      assert.ok(error.cause instanceof SyntaxError);
    }
    const error = await failureOf(json.put("k", 1n));
    assert.equal(error.code, "INVALID_ARGUMENT");
    assert.ok(error.cause instanceof TypeError);
  });

  it("names a scan, its prefix, and how many times stores were asked", async () => {
    const cluster = await start();
    const client = await open(cluster);
    await client.put("p1", "v");
    for (const store of cluster.stores) store.beforePage = () => "hang";
    const error = await failureOf(client.scan({ prefix: "p", deadlineMs: 30 }).next());
    assert.equal(error.code, "DEADLINE_EXCEEDED");
    assert.ok(cluster.stores.some(({ address }) => address === error.store));
    assert.deepEqual([error.call, error.key, error.attempts > 0], ["scan", "p", true]);
  });
});

describe("the stack of an error", () => {
  it("shows who called, however the call failed", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const store = cluster.store(0);
    const key = await warm(client, cluster, store);
    store.script = () => "hold";
    const options = { deadlineMs: 20 };
    const admin = connectAdmin({ seeds: ["127.0.0.1:1"] });
    async function hereGet(): Promise<void> {
      await client.get(key, options);
    }
    async function herePutThen(): Promise<void> {
      await client.put(key, "v", options).then((version) => version);
    }
    async function hereAll(): Promise<void> {
      await Promise.all([client.get(key, options), client.get(key, options)]);
    }
    async function hereWrong(): Promise<void> {
      await client.get("");
    }
    async function hereMany(): Promise<void> {
      await client.getMany([key], options);
    }
    async function hereScan(): Promise<void> {
      store.beforePage = () => "hang";
      for await (const _ of client.scan(options));
    }
    async function hereAdmin(): Promise<void> {
      await admin.listStores();
    }
    for (const caller of [hereGet, herePutThen, hereAll, hereWrong, hereMany, hereScan, hereAdmin]) {
      const { stack, code } = await failureOf(caller());
      assert.match(stack ?? "", new RegExp(`${caller.name}.*client-errors.test`), `${caller.name}: ${code}`);
    }
    await admin.close();
  });
});

describe("an onTopology that throws", () => {
  it("is a warning of the process; it is called once connect has resolved", async () => {
    const cluster = await start();
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on("warning", warned);
    try {
      let connected = false;
      const before: boolean[] = [];
      const client = await open(cluster, {
        onTopology: ({ version }) => {
          before.push(connected);
          if (version === 1) throw new Error("a slip");
          return Promise.reject(new Error("a late slip")) as never;
        },
      });
      connected = true;
      await waitFor("the first warning", () => warnings.length === 1);
      cluster.change({});
      await waitFor("the second warning", () => warnings.length === 2);
      assert.deepEqual(before, [true, true]);
      assert.deepEqual(
        warnings.map(({ message }) => message),
        ["onTopology threw: Error: a slip", "onTopology threw: Error: a late slip"],
      );
      await client.put("k", "v");
    } finally {
      process.off("warning", warned);
    }
  });
});

describe("AbortSignals", () => {
  it("that many calls, bulk calls and scans of several clients share have one listener each", async () => {
    const cluster = await start();
    const clients = await Promise.all(Array.from({ length: 12 }, () => open(cluster)));
    await clients[0]?.putMany(Array.from({ length: 50 }, (_, i) => [`k${i}`, "v"]));
    const { signal } = new AbortController();
    let listeners = 0;
    let most = 0;
    const add = signal.addEventListener.bind(signal) as (...args: unknown[]) => void;
    const remove = signal.removeEventListener.bind(signal) as (...args: unknown[]) => void;
    Object.assign(signal, {
      addEventListener: (...args: unknown[]) => ((most = Math.max(most, (listeners += 1))), add(...args)),
      removeEventListener: (...args: unknown[]) => ((listeners -= 1), remove(...args)),
    });
    for (const store of cluster.stores) store.script = () => "hold";
    const scans = clients.map((client) => client.scan({ signal }));
    for (const scan of scans) assert.notEqual((await scan.next()).value, undefined);
    const calls = clients.map((client) => client.get("k1", { signal }));
    const bulks = clients.map((client) => client.getMany(["k1", "k2"], { signal }));
    const held = (): number => cluster.stores.reduce((sum, store) => sum + store.held.length, 0);
    await waitFor("all calls", () => held() === 36);
    for (const store of cluster.stores) for (const call of store.held.splice(0)) call.answer();
    await Promise.all([...calls, ...bulks]);
    for (const scan of scans) await scan.return?.();
    assert.equal(most, 1);
    assert.equal(listeners, 0);
  });
});

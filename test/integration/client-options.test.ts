import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { connectAdmin } from "../../client/admin.js";
import { type Client, codecs, connect, type EkvError, type VersionInput } from "../../client/index.js";
import { brandAs, type Epoch } from "../../services/core/ids.js";
import { endAll, failsWith, open, start } from "../support/sdk-cluster.js";

afterEach(endAll);

/** As a caller in JavaScript sees a function. */
type Untyped = (...args: unknown[]) => Promise<unknown>;

/** Accepts INVALID_ARGUMENT that names the field and says what matches. */
function refuses(field: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    failsWith("INVALID_ARGUMENT", message)(error);
    assert.equal((error as EkvError).violations[0]?.field, field);
    assert.equal((error as EkvError).notExecuted, true);
    return true;
  };
}

/** A client as callers in JavaScript see it, and how many batches its stores got. */
async function untyped(): Promise<{
  readonly client: Readonly<Record<keyof Client<string>, Untyped>>;
  sent(): number;
}> {
  const cluster = await start();
  return {
    client: (await open(cluster)) as unknown as Readonly<Record<keyof Client<string>, Untyped>>,
    sent: () => cluster.stores.reduce((sum, { requests }) => sum + requests.length, 0),
  };
}

describe("a condition that is there and says nothing", () => {
  it("is refused in place of an unconditional write", async () => {
    const { client, sent } = await untyped();
    for (const ifVersion of [
      undefined,
      null,
      "",
      {},
      [],
      7,
      true,
      "3",
      "3.x",
      { epoch: 1 },
      { epoch: "1", seq: 1 },
    ]) {
      for (const write of [
        () => client.put("k", "v", { ifVersion }),
        () => client.delete("k", { ifVersion }),
        () => client.putMany([["k", "v"]], { ifVersion }),
        () => client.deleteMany(["k"], { ifVersion }),
      ]) {
        await assert.rejects(write(), refuses("ifVersion", /^ifVersion: is .*ifAbsent: true/));
      }
    }
    for (const ifAbsent of [undefined, null, 1, "true"]) {
      await assert.rejects(client.put("k", "v", { ifAbsent }), refuses("ifAbsent", /give true or false/));
    }
    assert.equal(sent(), 0);
  });
});

describe("ifVersion", () => {
  it("takes a version, its plain numbers, bigints, and the text that ekv prints", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const inputs: VersionInput[] = [
      { epoch: brandAs<Epoch>(3), seq: 17 },
      { epoch: 3, seq: 17 },
      { epoch: 3n, seq: 17n },
      "3.17",
    ];
    for (const ifVersion of inputs) await client.put("k", "v", { ifVersion });
    const conditions = cluster.stores.flatMap(({ requests }) =>
      requests.flatMap(({ options }) => options.map(({ condition }) => condition?.kind)),
    );
    const expected = { $case: "ifVersion", value: { epoch: 3, seq: 17 } };
    assert.deepEqual(conditions, [expected, expected, expected, expected]);
  });
});

describe("an option of a call", () => {
  it("that is unknown is refused, with the name that was meant or all there are", async () => {
    const { client, sent } = await untyped();
    await assert.rejects(
      client.put("k", "v", { ttl: 10 }),
      refuses("ttl", /^unknown option ttl; did you mean ttlMs\?$/),
    );
    await assert.rejects(client.get("k", { deadline: 10 }), refuses("deadline", /did you mean deadlineMs\?/));
    await assert.rejects(
      client.get("k", { consistancy: "eventual" }),
      refuses("consistancy", /consistency\?/),
    );
    await assert.rejects(client.put("k", "v", { if_version: "1.1" }), refuses("if_version", /ifVersion\?/));
    await assert.rejects(
      client.get("k", { fast: true }),
      refuses("fast", /get takes deadlineMs, signal, cons/),
    );
    await assert.rejects(client.delete("k", { ttlMs: 10 }), refuses("ttlMs", /delete takes .*ifVersion/));
    await assert.rejects(client.getMany(["k"], { ttlMs: 10 }), refuses("ttlMs", /getMany takes/));
    const inherited = Object.create({ ttl: 10 }) as object;
    await assert.rejects(client.put("k", "v", inherited), refuses("ttl", /did you mean ttlMs/));
    assert.equal(sent(), 0);
  });

  it("of another type or value is refused with its name and what to give", async () => {
    const { client, sent } = await untyped();
    const wrong: [string, unknown, RegExp][] = [
      ["deadlineMs", "x", /^deadlineMs: is "x"; give milliseconds/],
      ["deadlineMs", null, /^deadlineMs: is null/],
      ["consistency", "foo", /^consistency: is "foo"; give linearizable or eventual$/],
      ["signal", {}, /^signal: is an object; give an AbortSignal/],
      ["signal", new AbortController(), /^signal: /],
    ];
    for (const [name, value, message] of wrong) {
      await assert.rejects(client.get("k", { [name]: value }), refuses(name, message));
      await assert.rejects(client.getMany(["k"], { [name]: value }), refuses(name, message));
    }
    for (const options of [null, 3, "fast", ["deadlineMs"], () => undefined]) {
      await assert.rejects(client.get("k", options), refuses("options", /^options: is .*give an object/));
    }
    await assert.rejects(client.put("k", "v", { ttlMs: "10" }), refuses("ttlMs", /^ttlMs: is "10"/));
    await assert.rejects(
      client.put("k", "v", { ttlMs: 0 }),
      refuses("ttlMs", /from 1 .*leave it out .*for ever/),
    );
    assert.equal(sent(), 0);
  });

  it("that is undefined and no condition means the default", async () => {
    const { client } = await untyped();
    await client.put("k", "v", { ttlMs: undefined, deadlineMs: undefined, signal: undefined });
    assert.equal(await client.get("k", { consistency: undefined }), "v");
  });

  it("of a scan is checked before anything is asked", async () => {
    const cluster = await start();
    const client = await open(cluster);
    const first = (options: unknown): Promise<unknown> => client.scan(options as never).next();
    await assert.rejects(first({ max: 3 }), refuses("max", /scan takes .*prefix, limit, keysOnly/));
    await assert.rejects(first({ keysOnly: "yes" }), refuses("keysOnly", /true or false/));
    await assert.rejects(first({ prefix: 3 }), refuses("prefix", /a string or bytes/));
    await assert.rejects(first({ deadlineMs: 0 }), refuses("deadlineMs", /above 0/));
    assert.ok(cluster.stores.every(({ browses }) => browses.length === 0));
  });
});

describe("connect", () => {
  const attempt = connect as Untyped;

  it("refuses what is no list of seeds, saying what is", async () => {
    await assert.rejects(attempt({}), refuses("seeds", /^seeds: is missing; give host:port/));
    await assert.rejects(attempt(), refuses("seeds", /^seeds: is missing/));
    await assert.rejects(attempt([]), refuses("seeds", /^seeds: is empty/));
    await assert.rejects(attempt({ seeds: "a:1" }), refuses("seeds", /^seeds: is a string; give .*\["127/));
    for (const seed of ["nohost", "a:0", "a:65536", "http://a:1", "", undefined, 7]) {
      await assert.rejects(attempt([seed]), refuses("seeds", /^seeds: has .*give host:port/));
    }
  });

  it("refuses options that are unknown or wrong", async () => {
    const seeds = ["127.0.0.1:1"];
    await assert.rejects(
      attempt({ seeds, codec: "json" }),
      refuses("codec", /^codec: is "json"; give .*codecs\.json\(\)/),
    );
    await assert.rejects(attempt({ seeds, codec: codecs.json }), refuses("codec", /^codec: is a function/));
    await assert.rejects(attempt({ seeds, deadlineMs: "1s" }), refuses("deadlineMs", /^deadlineMs: is "1s"/));
    await assert.rejects(
      attempt({ seeds, timeoutMs: 5 }),
      refuses("timeoutMs", /connect takes seeds, codec/),
    );
    await assert.rejects(attempt({ seeds, callsInFlightMax: 0 }), refuses("callsInFlightMax", /from 1/));
    await assert.rejects(attempt({ seeds, onTopology: 1 }), refuses("onTopology", /a function/));
    const client = await open(await start());
    assert.throws(() => client.withCodec("json" as never), refuses("codec", /^codec: /));
  });
});

describe("the admin client", () => {
  it("refuses seeds, options and fields that are unknown or wrong, before it asks anybody", async () => {
    const connectUntyped = connectAdmin as unknown as (...args: unknown[]) => unknown;
    assert.throws(() => connectUntyped({}), refuses("seeds", /is missing/));
    assert.throws(() => connectUntyped(), refuses("seeds", /is missing/));
    assert.throws(
      () => connectUntyped({ seeds: ["a:1"], port: 1 }),
      refuses("port", /connectAdmin takes seeds/),
    );
    const admin = connectAdmin({ seeds: ["127.0.0.1:1"] });
    const addStore = admin.addStore.bind(admin) as unknown as Untyped;
    await assert.rejects(addStore({ dryrun: true }), refuses("dryrun", /did you mean dryRun\?/));
    await assert.rejects(addStore({ storeId: 4 }), refuses("storeId", /^storeId: is 4; give a string/));
    await assert.rejects(addStore({ dryRun: "yes" }), refuses("dryRun", /give a boolean/));
    await assert.rejects(addStore("store-4"), refuses("request", /is a string; give an object/));
    await assert.rejects(addStore({}, { deadlineMs: "x" }), refuses("deadlineMs", /is "x"/));
    const watch = admin.watchOperation({ id: "operation-1" } as never);
    await assert.rejects(watch.next(), refuses("id", /getOperation takes operationId/));
    await admin.close();
  });
});

describe("a text with a lone surrogate", () => {
  it("is refused as a key, prefix or text value: it would become another's bytes", async () => {
    const cluster = await start();
    const client = await open(cluster);
    for (const key of ["\ud800x", "x\udc00", "é\ud83d"]) {
      for (const call of [
        () => client.get(key),
        () => client.put(key, "v"),
        () => client.delete(key),
        () => client.contains(key),
        () => client.getMany([key]),
      ]) {
        await assert.rejects(call(), failsWith("INVALID_ARGUMENT", /lone surrogate.*give bytes/));
      }
      await assert.rejects(client.scan({ prefix: key }).next(), refuses("prefix", /lone surrogate/));
    }
    await assert.rejects(client.put("k", "\ud800"), refuses("value", /lone surrogate/));
    await assert.rejects(client.put("k", 7 as never), refuses("value", /is a number; give a string/));
    assert.ok(cluster.stores.every(({ requests }) => requests.length === 0));
    await client.put("\ufffdx", "replacement");
    await client.put("😀", "a pair is no lone one");
    assert.equal(await client.get("\ufffdx"), "replacement");
  });
});

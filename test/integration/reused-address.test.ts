import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { connectAdmin } from "../../client/admin.js";
import { type Client, codecs, connect, EkvError } from "../../client/index.js";
import { findTargets, measureRoundTrips } from "../../cli/ping-probe.js";
import { brandAs, type Epoch } from "../../services/core/ids.js";
import type { Version } from "../../services/core/topology.js";
import { storeService } from "../../services/wire/services.js";
import { compiled, runServer } from "../support/children.js";
import { HandCluster, type HandStore } from "../support/hand-cluster.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { RawClient } from "../support/raw-client.js";
import { waitFor } from "../support/wait-for.js";

const keys = Array.from({ length: 100 }, (_, i) => `key-${i}`);
const partitions = 4;
/** Long enough for a refusal to come on a busy machine. */
const deadlineMs = 5000;

const clusters: HandCluster[] = [];
const clients: { close(): void | Promise<void> }[] = [];

function newCluster(clusterId: string): HandCluster {
  const cluster = new HandCluster(partitions, clusterId);
  clusters.push(cluster);
  return cluster;
}

async function connectTo(store: HandStore): Promise<Client<string>> {
  const client = await connect({ seeds: [store.server.address], codec: codecs.string, deadlineMs });
  clients.push(client);
  return client;
}

function rawTo(store: HandStore): RawClient {
  const raw = new RawClient(store.server.address);
  clients.push(raw);
  return raw;
}

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const cluster of clusters.splice(0)) await cluster.stop();
});

/** Cluster A, whose two stores own half of the ring each and hold `from A` under every key; and a client of it. */
async function startA(): Promise<{
  a: HandCluster;
  first: HandStore;
  second: HandStore;
  client: Client<string>;
}> {
  const a = newCluster("cluster-a");
  const first = await a.start("store-1");
  const second = await a.start("store-2");
  await a.commit(
    ...a.entries.map(({ partition }) => ({
      partition,
      epoch: brandAs<Epoch>(1),
      primary: (partition % 2 === 0 ? first : second).replica,
    })),
  );
  const client = await connectTo(first);
  await client.putMany(keys.map((key) => [key, "from A"] as const));
  return { a, first, second, client };
}

/** Cluster B, which owns the whole ring at one store, at the port of a store that has stopped, with its keys' versions. */
async function startBAt(
  gone: HandStore,
  name: string,
): Promise<{ store: HandStore; written: readonly Version[] }> {
  await gone.stop();
  const b = newCluster("cluster-b");
  const store = await b.start(name, undefined, undefined, gone.server.port);
  await b.assignAll(store);
  const client = await connectTo(store);
  return { store, written: await client.putMany(keys.map((key) => [key, "from B"] as const)) };
}

async function versionsAt(store: HandStore): Promise<(Version | undefined)[]> {
  const client = await connectTo(store);
  const entries = await Promise.all(keys.map((key) => client.getEntry(key)));
  return entries.map((entry) => entry?.version);
}

/** What became of calls: what they gave, and the errors of the others. */
async function outcomes<T>(calls: readonly Promise<T>[]): Promise<{ given: T[]; errors: EkvError[] }> {
  const settled = await Promise.allSettled(calls);
  const given = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const errors = settled.flatMap((one) => (one.status === "rejected" ? [one.reason as EkvError] : []));
  for (const error of errors) assert.ok(error instanceof EkvError, String(error));
  return { given, errors };
}

async function drain(scan: AsyncIterable<{ readonly value: string }>, values: string[]): Promise<void> {
  for await (const { value } of scan) values.push(value);
}

describe("an address that another cluster's store has taken over", () => {
  for (const name of ["store-2", "store-9"]) {
    it(`calls through the old cluster neither read nor write ${name} of the other`, async () => {
      const { a, first, second, client } = await startA();
      const ofFirst = keys.filter((key) => a.ownerOf(key) === first.replica.storeId).length;
      const { store, written } = await startBAt(second, name);
      const raw = rawTo(first);

      const gets = await outcomes(
        keys.map((key) => raw.call(storeService.get, { key: Buffer.from(key), consistency: 0 })),
      );
      assert.equal(gets.given.length, ofFirst, "unary gets answered");
      for (const { value } of gets.given) assert.equal(Buffer.from(value).toString(), "from A");
      const puts = await outcomes(
        keys.map((key) =>
          raw.call(storeService.put, {
            ...{ key: Buffer.from(key), value: Buffer.from("from A"), condition: undefined },
            ...{ ttlMs: 0, identity: undefined },
          }),
        ),
      );
      assert.equal(puts.given.length, ofFirst, "unary puts acknowledged");
      for (const error of [...gets.errors, ...puts.errors]) {
        assert.equal(error.code, "UNAVAILABLE");
        assert.ok(error.notExecuted);
        assert.match(error.message, new RegExp(`store-2.*${name} of cluster cluster-b`));
      }

      const scanned: string[] = [];
      const [reads, writes, scan] = await Promise.all([
        outcomes(keys.map((key) => client.get(key))),
        outcomes(keys.map((key) => client.put(key, "from A"))),
        outcomes([drain(client.scan(), scanned)]),
      ]);
      assert.equal(reads.given.length, ofFirst, "gets answered");
      assert.equal(writes.given.length, ofFirst, "puts acknowledged");
      assert.equal(scan.given.length, 0, "the scan must not end as if it had everything");
      for (const error of [...reads.errors, ...writes.errors, ...scan.errors]) {
        assert.equal(error.code, "DEADLINE_EXCEEDED", error.message);
        assert.match(error.message, new RegExp(`store-2.*${name} of cluster cluster-b`));
      }
      for (const error of [...reads.errors, ...writes.errors]) assert.ok(error.notExecuted);
      for (const value of [...reads.given, ...scanned]) assert.equal(value, "from A");
      assert.deepEqual(await versionsAt(store), written, "the other cluster was written to");
    });
  }
});

describe("an address that another store of the same cluster has taken over", () => {
  it("calls for the store that is gone do not reach it, and go on once the topology says who owns the keys", async () => {
    const { a, first, second, client } = await startA();
    const lost = keys.filter((key) => a.ownerOf(key) === second.replica.storeId);
    // Dead, and still in the topology with its address.
    a.unreached.add(second);
    second.store.stop();
    await second.server.stop(0);
    // It owns nothing yet, and would answer MOVED to everything.
    const third = await a.start("store-3", undefined, undefined, second.server.port);
    await a.commit();
    const raw = rawTo(first);
    const gets = await outcomes(
      lost.map((key) => raw.call(storeService.get, { key: Buffer.from(key), consistency: 0 })),
    );
    assert.equal(gets.given.length, 0);
    for (const { message } of gets.errors)
      assert.match(message, /store-2 of .*store-3 of cluster cluster-a answered/);
    const pending = outcomes(lost.map((key) => client.put(key, "at store-3", { deadlineMs: 60_000 })));
    await a.commit(
      ...a.entries
        .filter(({ primary }) => primary?.storeId === second.replica.storeId)
        .map(({ partition }) => ({ partition, epoch: brandAs<Epoch>(2), primary: third.replica })),
    );
    assert.equal((await pending).given.length, lost.length);
    assert.equal(await client.get(lost[0] ?? ""), "at store-3");
    await second.stop();
  });
});

describe("the seeds of a client", () => {
  it("that belong to different clusters are refused, each by name", async () => {
    const first = await newCluster("cluster-a").start("store-1");
    const second = await newCluster("cluster-b").start("store-7");
    for (const cluster of clusters) await cluster.commit();
    const seeds = [first.server.address, second.server.address];
    const names = new RegExp(
      `${seeds[0]} is store-1 of cluster cluster-a, ${seeds[1]} is store-7 of cluster cluster-b`,
    );
    await assert.rejects(connect({ seeds }), (error: EkvError) => {
      assert.equal(error.code, "FAILED_PRECONDITION");
      assert.match(error.message, names);
      return true;
    });
    const admin = connectAdmin({ seeds });
    clients.push(admin);
    await assert.rejects(admin.removeStore({ storeId: "store-1" } as never), names);
  });

  it("whose only server is gone are not taken for its successor", async () => {
    const a = newCluster("cluster-a");
    const store = await a.start("store-1");
    await a.assignAll(store);
    const client = await connectTo(store);
    await client.put("key", "from A");
    await startBAt(store, "store-1");
    await assert.rejects(
      client.get("key"),
      /store-1 of cluster cluster-a is not at .*store-1 of cluster cluster-b/,
    );
    assert.equal(client.topology().clusterId, "cluster-a");
  });
});

describe("ekv ping", () => {
  it("says which other server answers at a store's address", async () => {
    const { first, second } = await startA();
    await startBAt(second, "store-9");
    const options = { timeoutMs: 60_000, signal: new AbortController().signal };
    const targets = await findTargets([first.server.address], options);
    const results = await Promise.all(targets.map((target) => measureRoundTrips(target, 3, options)));
    assert.deepEqual(
      results.map(({ failures }) => failures),
      [0, 3],
    );
    assert.match(
      results[1]?.error?.message ?? "",
      /store-2 of cluster cluster-a is not at .*: store-9 of cluster cluster-b answered there/,
    );
  });
});

describe("an administration", () => {
  it("of one cluster asks nothing of another cluster's master that has taken over the address", async () => {
    const a = new ProcessCluster();
    const b = new ProcessCluster();
    const admin = connectAdmin({ seeds: [await startedMaster(a)] });
    try {
      const { clusterId } = await admin.getClusterStatus();
      await a.master?.kill();
      const port = a.masterAddress.split(":")[1] ?? "";
      const args = ["--data", `${b.folder}/master`, "--port", port, "--create", "--log-format", "json"];
      b.master = runServer(compiled("../../services/master/main.js"), args);
      await b.master.line("{");
      const message = new RegExp(`cluster ${clusterId} is not at ${a.masterAddress}: the master of cluster`);
      await waitFor("the other master to answer", async () => {
        const error = await admin.listStores().then(
          () => assert.fail("the other master listed its stores"),
          (reason: EkvError) => reason,
        );
        assert.equal(error.code, "UNAVAILABLE");
        return message.test(error.message);
      });
      await assert.rejects(admin.rebalance({ dryRun: false }), (error: EkvError) => {
        assert.match(error.message, message);
        return error.notExecuted;
      });
    } finally {
      await admin.close();
      await a.stop();
      await b.stop();
    }
  });
});

async function startedMaster(cluster: ProcessCluster): Promise<string> {
  await cluster.startMaster();
  return cluster.masterAddress;
}

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Client, codecs, connect } from "../../client/index.js";
import { topologyService } from "../../services/wire/services.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { RawClient } from "../support/raw-client.js";

const keys = Array.from({ length: 1000 }, (_, i) => `key-${i}`);

describe("paper 6.1: client communication", () => {
  const cluster = new ProcessCluster(["--partitions", "64", "--initial-stores", "2"]);
  let client: Client<string>;

  before(async () => {
    await cluster.startMaster();
    await cluster.startStore("store-1");
    await cluster.startStore("store-2");
    await cluster.settled("store-1", "store-2");
    client = await connect({ seeds: [cluster.masterAddress], codec: codecs.string });
  });

  after(async () => {
    await client.close();
    await cluster.stop();
  });

  it("6.1.1: asks the master once, and finds every key by itself as the master would", async () => {
    const master = new RawClient(cluster.masterAddress);
    const topology = client.topology();
    for (const key of keys.slice(0, 50)) {
      const { store, entry } = await master.call(topologyService.lookup, { key: Buffer.from(key) });
      assert.equal(topology.partitions[entry!.partition]?.primary?.storeId, store?.storeId);
    }
    master.close();
  });

  it("6.1.2: calls the owner directly, many calls at once: create, read, update, delete, contains, browse", async () => {
    await client.putMany(keys.map((key) => [key, "created"]));
    assert.ok((await client.getMany(keys)).every((value) => value === "created"));
    await client.putMany(keys.map((key) => [key, "updated"]));
    assert.ok((await client.getMany(keys)).every((value) => value === "updated"));
    assert.equal(await client.contains("key-1"), true);
    const browsed: string[] = [];
    for await (const { key } of client.scan({ prefix: "key-" })) browsed.push(key.toString());
    assert.deepEqual(browsed.sort(), [...keys].sort());
    assert.deepEqual(await client.deleteMany(["key-1", "absent"]), [true, false]);
    assert.equal(await client.contains("key-1"), false);
    assert.equal(client.stats().redirects, 0, "no call went anywhere but to its key's owner");
  });

  it("6.1.3: goes on while the master is down, and a new client finds its way by a store", async () => {
    await cluster.master?.kill();
    await client.put("key-2", "without a master");
    const late = await connect({ seeds: [cluster.storeAddress("store-2")], codec: codecs.string });
    assert.equal(await late.get("key-2"), "without a master");
    await late.close();
    await cluster.startMaster();
  });
});

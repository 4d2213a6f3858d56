import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { codecs, connect } from "../../client/index.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { TcpProxy } from "../support/tcp-proxy.js";

describe("a link that dies without a word", { timeout: 120_000 }, () => {
  const cluster = new ProcessCluster();
  let proxy: TcpProxy;

  before(async () => {
    proxy = await TcpProxy.start();
    await cluster.startMaster();
    await cluster.startStore("store-1", ["--advertise", proxy.address]);
    proxy.target = cluster.storeAddress("store-1");
    await cluster.settled("store-1");
  });
  after(async () => {
    await cluster.stop();
    await proxy.stop();
  });

  it("is found in time to repeat a read with the default deadline", async () => {
    const client = await connect({ seeds: [cluster.masterAddress], codec: codecs.string });
    await client.put("greeting", "hello");
    proxy.silence();
    assert.equal(await client.get("greeting"), "hello");
    await client.close();
  });

  it("is found in time to go on with a scan", async () => {
    const client = await connect({ seeds: [cluster.masterAddress], codec: codecs.string });
    await client.put("greeting", "hello");
    const scanned = async (): Promise<string[]> => {
      const values: string[] = [];
      for await (const { value } of client.scan()) values.push(value);
      return values;
    };
    assert.deepEqual(await scanned(), ["hello"]);
    proxy.silence();
    assert.deepEqual(await scanned(), ["hello"]);
    await client.close();
  });
});

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Client, codecs, connect } from "../../client/index.js";
import { CheckedLoad } from "../support/checked-load.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { waitFor } from "../support/wait-for.js";

describe("a cluster in service", () => {
  const cluster = new ProcessCluster(["--partitions", "64", "--initial-stores", "2"]);
  let client: Client<string>;

  before(async () => {
    await cluster.startMaster();
    await cluster.startStore("store-1");
    await cluster.startStore("store-2");
    await cluster.settled("store-1", "store-2");
    client = await connect({ seeds: [cluster.masterAddress], codec: codecs.string, deadlineMs: 20_000 });
  });

  after(async () => {
    await client.close();
    await cluster.stop();
  });

  it("restarts store by store without a failed call, or one of unknown outcome", async () => {
    const load = new CheckedLoad(client, "rolling", 8, 40);
    for (const storeId of ["store-1", "store-2", "store-1"]) {
      const before = load.calls;
      await waitFor("calls", () => load.calls > before + 500);
      const child = cluster.stores.get(storeId);
      child?.process.kill("SIGTERM");
      await child?.ended;
      assert.equal(child?.process.exitCode, 0);
      await cluster.startStore(storeId);
      const down = load.calls;
      await waitFor("calls after the restart", () => load.calls > down + 500);
    }
    const report = await load.stop();
    assert.deepEqual(report.failures, []);
    assert.deepEqual(report.wrong, []);
    assert.equal(
      report.unknown,
      0,
      "a store that stops in an orderly way answers what it took, and takes no more",
    );
  });

  it("goes on without the master, restarts the master, and is whole again", async () => {
    const load = new CheckedLoad(client, "masterless", 8, 40);
    await cluster.master?.kill();
    const down = load.calls;
    await waitFor("calls without a master", () => load.calls > down + 1000);
    await cluster.startMaster();
    await cluster.settled("store-1", "store-2");
    const report = await load.stop();
    assert.deepEqual([report.failures, report.wrong, report.unknown], [[], [], 0]);
  });

  it("answers many large values asked for at once, in messages that fit", async () => {
    const large = "x".repeat(1_048_576);
    const keys = Array.from({ length: 60 }, (_, i) => `{large}${i}`);
    await client.putMany(keys.map((key) => [key, large]));
    const before = client.stats().retries;
    const values = await client.getMany(keys);
    assert.ok(values.every((value) => value === large));
    assert.equal(client.stats().retries, before, "no stream broke under the answers");
  });
});

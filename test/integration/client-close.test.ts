import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { codecs, connect } from "../../client/index.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { failsWith } from "../support/sdk-cluster.js";

describe("a client that is closed while a store is frozen", () => {
  const cluster = new ProcessCluster(["--launcher", "none", "--initial-stores", "1", "--partitions", "16"]);
  before(async () => {
    await cluster.startMaster();
    await cluster.startStore("s1");
    await cluster.settled("s1");
  });
  after(() => cluster.stop());

  it("does not bring its process down when the store wakes", async () => {
    const store = cluster.stores.get("s1")?.process;
    // An error that nobody catches fails this test. Past the time for a framed connection, so that one over gRPC is being opened.
    for (const deadlineMs of [500, 1100, 1300, 1600, 1900, 2300]) {
      const client = await connect({ seeds: [cluster.masterAddress], codec: codecs.string });
      store?.kill("SIGSTOP");
      await assert.rejects(client.get("a", { deadlineMs }), failsWith("DEADLINE_EXCEEDED"));
      await client.close();
      store?.kill("SIGCONT");
      // Served when the store has done what the closed client left it.
      const other = await connect({ seeds: [cluster.masterAddress], codec: codecs.string });
      await other.put("a", "v", { deadlineMs: 60_000 });
      await other.close();
    }
  });
});

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ProcessCluster } from "../support/process-cluster.js";
import { waitFor } from "../support/wait-for.js";

describe("paper 6.4: heartbeats", () => {
  const cluster = new ProcessCluster([
    ...["--partitions", "16", "--initial-stores", "2"],
    ...["--heartbeat-interval-ms", "50", "--suspect-after-ms", "400", "--monitor-interval-ms", "50"],
  ]);

  before(async () => {
    await cluster.startMaster();
    await cluster.startStore("store-1");
    await cluster.startStore("store-2");
    await cluster.settled("store-1", "store-2");
  });

  after(async () => {
    await cluster.stop();
  });

  const alive = async (storeId: string): Promise<boolean> =>
    (await cluster.list()).find((store) => store.storeId === storeId)?.alive ?? false;

  it("keeps the time of each server's last heartbeat", async () => {
    const before = (await cluster.list())[0]!.lastHeartbeatMs;
    await waitFor("a later heartbeat", async () => (await cluster.list())[0]!.lastHeartbeatMs > before);
  });

  it("marks a silent server inactive, and active again when it is heard", async () => {
    const stopped = cluster.stores.get("store-2")!.process;
    stopped.kill("SIGSTOP");
    await waitFor("store-2 to be marked inactive", async () => !(await alive("store-2")));
    assert.equal(await alive("store-1"), true);
    stopped.kill("SIGCONT");
    await waitFor("store-2 to be active again", () => alive("store-2"));
  });

  it("finds a killed server by its broken stream, long before it would count as silent", async () => {
    await cluster.stores.get("store-2")!.kill();
    await waitFor("store-2 to be marked inactive", async () => !(await alive("store-2")));
    await cluster.startStore("store-2");
    await waitFor("store-2 to be active again", () => alive("store-2"));
    const again = (await cluster.list()).find(({ storeId }) => storeId === "store-2");
    assert.equal(again?.incarnation, 2, "a new run has a new incarnation");
    await cluster.settled("store-1", "store-2");
  });
});

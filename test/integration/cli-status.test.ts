import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { codecs, connect } from "../../client/index.js";
import { compiled, runNode } from "../support/children.js";
import { ProcessCluster } from "../support/process-cluster.js";

describe("`ekv status` while the master is down", { timeout: 120_000 }, () => {
  const cluster = new ProcessCluster();

  before(async () => {
    await cluster.startMaster();
    await cluster.startStore("store-1");
    await cluster.settled("store-1");
    const client = await connect({ seeds: [cluster.masterAddress], codec: codecs.string });
    await client.put("greeting", "hello");
    await client.close();
    await cluster.master?.kill();
  });
  after(() => cluster.stop());

  async function status(...args: readonly string[]): Promise<{ text: string; code: number | null }> {
    const seeds = [cluster.masterAddress, cluster.storeAddress("store-1")];
    const child = runNode(compiled("../../cli/main.js"), ["status", "--seeds", seeds.join(","), ...args]);
    await child.ended;
    return { text: child.lines.join("\n"), code: child.process.exitCode };
  }

  it("says so, and what the stores know", async () => {
    const { text, code } = await status();
    assert.match(text, /health .*the master does not answer; the stores serve/);
    assert.match(text, new RegExp(`${cluster.masterAddress}: connection refused`));
    assert.match(text, /stores .*1 of 1 answer/);
    assert.match(text, /keys +1\b/);
    assert.match(text, /1,024 of 1,024 served/);
    assert.equal(code, 5);
  });

  it("says the same to programs", async () => {
    const { text, code } = await status("--json");
    const report = JSON.parse(text) as { healthy: boolean; stores: { storeId: string; alive: boolean }[] };
    assert.equal(report.healthy, false);
    assert.deepEqual(
      report.stores.map(({ storeId, alive }) => [storeId, alive]),
      [["store-1", true]],
    );
    assert.equal(code, 5);
  });
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { codecs, connect } from "../../client/index.js";
import { childOf, compiled } from "../support/children.js";
import { freePort } from "../support/free-ports.js";
import { ProcessCluster } from "../support/process-cluster.js";

describe("`ekv` while the master is down", { timeout: 120_000 }, () => {
  const cluster = new ProcessCluster();
  let unusedSeed = "";

  before(async () => {
    unusedSeed = `127.0.0.1:${await freePort()}`;
    await cluster.startMaster();
    await cluster.startStore("store-1");
    await cluster.settled("store-1");
    const client = await connect({ seeds: [cluster.masterAddress], codec: codecs.string });
    await client.put("greeting", "hello");
    await client.close();
    await cluster.master?.kill();
  });
  after(() => cluster.stop());

  /** Runs a command with seeds like the default ones: the master, a store, and a store that there is not. */
  async function ekv(...args: readonly string[]): Promise<{ text: string; code: number | null }> {
    const seeds = [cluster.masterAddress, cluster.storeAddress("store-1"), unusedSeed];
    const command = [compiled("../../cli/main.js"), ...args, "--seeds", seeds.join(",")];
    // Errors too, in one stream.
    const child = childOf(
      spawn("sh", ["-c", 'exec "$0" "$@" 2>&1', process.execPath, ...command], {
        stdio: ["ignore", "pipe", "inherit"],
      }),
    );
    await child.ended;
    return { text: child.lines.join("\n"), code: child.process.exitCode };
  }

  it("says so in `ekv status`, and what the stores know", async () => {
    const { text, code } = await ekv("status");
    assert.match(text, /health .*the master does not answer; the stores serve/);
    assert.match(text, new RegExp(`${cluster.masterAddress}, ${unusedSeed}: connection refused`));
    assert.match(text, /stores .*1 of 1 answer/);
    assert.match(text, /keys +1\b/);
    assert.match(text, /1,024 of 1,024 served/);
    assert.equal(code, 5);
  });

  it("says the same to programs", async () => {
    const { text, code } = await ekv("status", "--json");
    const report = JSON.parse(text) as { healthy: boolean; stores: { storeId: string; alive: boolean }[] };
    assert.equal(report.healthy, false);
    assert.deepEqual(
      report.stores.map(({ storeId, alive }) => [storeId, alive]),
      [["store-1", true]],
    );
    assert.equal(code, 5);
  });

  it("reads and writes", async () => {
    assert.equal((await ekv("put", "other", "value")).code, 0);
    assert.deepEqual(await ekv("get", "other"), { text: "value", code: 0 });
  });

  it("says that the master is away and stores are not, when a command needs the master", async () => {
    const commands = ["add-store", "stores", "ring", "rebalance", "operations list"];
    for (const command of commands) {
      const { text, code } = await ekv(...command.split(" "));
      assert.match(text, /no master answers .*127\.0\.0\.1:\d+: a store answers there/, command);
      assert.match(text, /The master does not answer, but stores do/, command);
      assert.doesNotMatch(text, /Is the cluster up/, command);
      assert.equal(code, 5, command);
    }
  });
});

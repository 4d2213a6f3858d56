import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Client, codecs, connect, formatVersion } from "../../client/index.js";
import { compiled, runNode } from "../support/children.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { failureOf } from "../support/sdk-cluster.js";

describe("compare and set", () => {
  const cluster = new ProcessCluster(["--launcher", "none", "--initial-stores", "2", "--partitions", "16"]);
  let client: Client<string>;
  before(async () => {
    await cluster.startMaster();
    for (const id of ["s1", "s2"]) await cluster.startStore(id);
    await cluster.settled("s1", "s2");
    client = await connect({ seeds: [cluster.masterAddress], codec: codecs.string, deadlineMs: 60_000 });
  });
  after(async () => {
    await client.close();
    await cluster.stop();
  });

  it("a refusal has the key's present version, which the next condition can be", async () => {
    const first = await client.put("k", "1");
    const second = await client.put("k", "2", { ifVersion: formatVersion(first) });
    const stale = await failureOf(client.put("k", "3", { ifVersion: first }));
    assert.equal(stale.code, "CONDITION_FAILED");
    assert.deepEqual(stale.current, second);
    assert.equal(
      stale.message,
      `the key is at version ${formatVersion(second)}, not ${formatVersion(first)}`,
    );
    const exists = await failureOf(client.put("k", "3", { ifAbsent: true }));
    assert.deepEqual(exists.current, second);
    assert.equal(exists.message, `the key exists, at version ${formatVersion(second)}`);
    const missing = await failureOf(client.put("none", "1", { ifVersion: first }));
    assert.deepEqual([missing.code, missing.current], ["CONDITION_FAILED", undefined]);
    const deletion = await failureOf(client.delete("k", { ifVersion: "1.999" }));
    assert.deepEqual(deletion.current, second);
    const many = await failureOf(client.putMany([["k", "3"]], { ifVersion: first }));
    assert.deepEqual(many.failures[0]?.error.current, second);
    assert.equal(await client.delete("k", { ifVersion: stale.current ?? "" }), true);
  });

  it("the example counts right with many workers on one key", async () => {
    const example = runNode(compiled("../../examples/compare-and-set.js"), [
      cluster.masterAddress,
      "30",
      "5",
    ]);
    try {
      assert.equal(await example.line("counted"), "counted 150 of 150");
      await example.ended;
      assert.equal(example.process.exitCode, 0);
    } finally {
      await example.kill();
    }
  });
});

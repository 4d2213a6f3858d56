import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { connectAdmin } from "../../client/admin.js";
import { startPrivateCluster, type PrivateCluster } from "../../examples/demo/private-cluster.js";

/** Seen from dist/test/integration. */
const script = fileURLToPath(new URL("../../../examples/dynamic-client.mjs", import.meta.url));

function run(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [script, ...args], { timeout: 240_000 });
}

describe("a client with nothing but the .proto files", () => {
  let cluster: PrivateCluster;
  let addresses: string[];

  before(async () => {
    cluster = await startPrivateCluster(2, AbortSignal.timeout(60_000));
    const admin = connectAdmin({ seeds: [cluster.seed] });
    const { stores } = await admin.listStores({});
    addresses = stores.map((store) => `${store.ip}:${store.clientPort}`);
    await admin.close();
  });
  after(() => cluster.stop());

  it("reads, writes on a condition, browses and deletes through any store, owner of the key or not", async () => {
    const browsed: string[] = [];
    for (const address of addresses) {
      const { stdout } = await run(address);
      const lines = stdout.trimEnd().split("\n");
      assert.match(lines[0] ?? "", /^put: version \d+\.\d+$/);
      assert.equal(lines[1], "get: hello");
      assert.match(lines[2] ?? "", /^put if absent: refused: /);
      browsed.push(...lines.filter((line) => line.startsWith("browse: example:")));
      assert.equal(lines.at(-1), "delete: it existed");
    }
    assert.deepEqual(browsed, ["browse: example:greeting = hello"], "one store of the two owns the key");
  });

  it("says how to use it when no address is given", async () => {
    await assert.rejects(run(), { code: 2, stderr: /usage: .*host:port/ });
  });
});

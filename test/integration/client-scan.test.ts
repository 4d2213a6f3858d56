import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { Client } from "../../client/index.js";
import type { FakeCluster } from "../support/fake-cluster.js";
import { endAll, failsWith, open, start } from "../support/sdk-cluster.js";
import { waitFor } from "../support/wait-for.js";

afterEach(endAll);

describe("a scan", () => {
  async function filled(
    count: number,
  ): Promise<{ cluster: FakeCluster; client: Client<string>; keys: string[] }> {
    const cluster = await start(2, 8);
    const client = await open(cluster);
    const keys = Array.from({ length: count }, (_, i) => `scan-${i}`);
    await client.putMany(keys.map((key) => [key, `v-${key}`]));
    return { cluster, client, keys: keys.sort() };
  }

  async function keysOf(entries: AsyncIterable<{ readonly key: Buffer }>): Promise<string[]> {
    const found: string[] = [];
    for await (const { key } of entries) found.push(key.toString());
    return found.sort();
  }

  it("gives every entry once, with value and version", async () => {
    const { client, keys } = await filled(100);
    await client.put("other", "x");
    const found = new Map<string, string>();
    for await (const { key, value, version } of client.scan({ prefix: "scan-" })) {
      assert.equal(found.has(key.toString()), false);
      assert.equal(version.seq, 1);
      found.set(key.toString(), value);
    }
    assert.deepEqual([...found.keys()].sort(), keys);
    assert.ok([...found].every(([key, value]) => value === `v-${key}`));
  });

  it("asks each store once when nothing moves or breaks", async () => {
    const { cluster, client } = await filled(100);
    await keysOf(client.scan());
    assert.deepEqual(
      cluster.stores.map(({ browses }) => browses.length),
      [1, 1],
    );
  });

  it("stops at its limit", async () => {
    const { client } = await filled(50);
    assert.equal((await keysOf(client.scan({ limit: 7 }))).length, 7);
  });

  it("follows partitions that move in the middle of it", async () => {
    const { cluster, client, keys } = await filled(200);
    const [from, to] = [cluster.store(0), cluster.store(1)];
    let pages = 0;
    from.beforePage = () => {
      pages += 1;
      // Partition 0 is half done, 2 and 4 have not begun.
      if (pages === 3) for (const partition of [0, 2, 4]) cluster.move(partition, to, false);
      return "send";
    };
    assert.deepEqual(await keysOf(client.scan()), keys);
  });

  it("goes on behind the last entry after its stream broke", async () => {
    const { cluster, client, keys } = await filled(200);
    let pages = 0;
    for (const store of cluster.stores) {
      store.beforePage = () => {
        pages += 1;
        return pages % 7 === 0 ? "break" : "send";
      };
    }
    assert.deepEqual(await keysOf(client.scan()), keys);
  });

  it("can be left early, and given up before or between pages", async () => {
    const { cluster, client } = await filled(100);
    for await (const _ of client.scan()) break;
    await assert.rejects(keysOf(client.scan({ signal: AbortSignal.abort() })), failsWith("CANCELLED"));
    const controller = new AbortController();
    const half = async (): Promise<void> => {
      for await (const _ of client.scan({ signal: controller.signal })) controller.abort();
    };
    await assert.rejects(half(), failsWith("CANCELLED"));
    cluster.move(0, undefined);
    await waitFor("the push", () => client.topology().version === 2);
    const waiting = keysOf(client.scan({ signal: AbortSignal.timeout(30) }));
    await assert.rejects(waiting, failsWith("CANCELLED"));
  });

  it("says so when a page does not come in time", async () => {
    const { cluster, client } = await filled(20);
    cluster.move(0, undefined);
    await waitFor("the push", () => client.topology().version === 2);
    await assert.rejects(keysOf(client.scan({ deadlineMs: 50 })), failsWith("DEADLINE_EXCEEDED", /50 ms/));
  });

  it("says so when a store stops in the middle of its pages", async () => {
    const { cluster, client } = await filled(100);
    let pages = 0;
    for (const store of cluster.stores) store.beforePage = () => ((pages += 1) > 3 ? "hang" : "send");
    await assert.rejects(keysOf(client.scan({ deadlineMs: 50 })), failsWith("DEADLINE_EXCEEDED", /50 ms/));
    assert.ok(pages > 3);
  });

  it("ends when the client is closed, in the middle of a page and while it waits for one", async () => {
    const { cluster, client } = await filled(200);
    let found = 0;
    const closedByItself = async (): Promise<void> => {
      for await (const _ of client.scan()) {
        found += 1;
        if (found === 2) void client.close();
      }
    };
    await assert.rejects(closedByItself(), failsWith("FAILED_PRECONDITION", /closed during the scan/));
    assert.equal(found, 2);
    const other = await open(cluster);
    for (const store of cluster.stores) store.beforePage = () => "hang";
    const waiting = other.scan({ deadlineMs: 120_000 }).next();
    await waitFor("the question", () => cluster.stores.some(({ browses }) => browses.length > 1));
    const outcome = assert.rejects(waiting, failsWith("FAILED_PRECONDITION", /closed during the scan/));
    await other.close();
    await outcome;
  });

  it("refuses a limit that is none", async () => {
    const { client } = await filled(1);
    for (const limit of [-1, 1.5, NaN]) {
      await assert.rejects(keysOf(client.scan({ limit })), failsWith("INVALID_ARGUMENT", /^limit: /));
    }
  });
});

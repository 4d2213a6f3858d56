import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Child, compiled, runNode, until } from "../support/children.js";
import { ProcessCluster } from "../support/process-cluster.js";

/** Less than the 80 s after which keepalive gives up an HTTP/2 connection by itself. */
const patienceMs = 60_000;

describe("a client that is frozen", () => {
  const cluster = new ProcessCluster(["--initial-stores", "1", "--partitions", "16"]);
  const clients: Child[] = [];

  /** A client with a connection of each kind to a server, which it will never read from or close. */
  async function freezeClientOf(address: string, ...kinds: readonly string[]): Promise<void> {
    const client = runNode(compiled("./frozen-child.js"), [address, ...kinds]);
    clients.push(client);
    await client.line("open");
    client.process.kill("SIGSTOP");
  }

  async function stopped(server: Child): Promise<void> {
    server.process.kill("SIGTERM");
    await until("the server to end", () => server.process.exitCode !== null, patienceMs);
    assert.equal(server.process.exitCode, 0);
  }

  before(async () => {
    await cluster.startMaster();
    await cluster.startStore("store-1", ["--shutdown-grace-ms", "100"]);
    await cluster.settled("store-1");
  });

  after(async () => {
    for (const client of clients) await client.kill();
    await cluster.stop();
  });

  it("does not keep a store from stopping, whatever its connections speak", async () => {
    await freezeClientOf(
      cluster.storeAddress("store-1"),
      ...["http2", "pipeline", "transfer", "catch-up", "silent"],
    );
    await stopped(cluster.stores.get("store-1")!);
  });

  it("does not keep a master from stopping", async () => {
    await freezeClientOf(cluster.masterAddress, "http2", "silent");
    await stopped(cluster.master!);
  });
});

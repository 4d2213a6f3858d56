import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Client, codecs, connect } from "../../client/index.js";
import { limits } from "../../services/core/limits.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { failsWith } from "../support/sdk-cluster.js";

describe("clients that a store has no room for", { timeout: 120_000 }, () => {
  const cluster = new ProcessCluster();
  const clients: Client<string>[] = [];

  async function open(): Promise<Client<string>> {
    const client = await connect({ seeds: [cluster.masterAddress], codec: codecs.string });
    clients.push(client);
    return client;
  }

  before(async () => {
    await cluster.startMaster();
    await cluster.startStore("store-1", ["--streams-max", "1"]);
    await cluster.settled("store-1");
    await (await open()).put("greeting", "hello");
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await cluster.stop();
  });

  it("ask no more often than the store wants, and say why they failed", async () => {
    const deadlineMs = 2 * limits.pipelineRetryMs;
    const refused = await Promise.all(Array.from({ length: 10 }, open));
    await Promise.all(
      refused.map(async (client) => {
        const calls = ["a", "b", "c"].map((key) =>
          assert.rejects(
            client.get(key, { deadlineMs }),
            failsWith("DEADLINE_EXCEEDED", /1 pipelines are open at this store/),
          ),
        );
        await Promise.all(calls);
        // At once, and after each wait that the store asked for.
        const attemptsMax = 1 + deadlineMs / limits.pipelineRetryMs;
        assert.ok(
          client.stats().retries <= 3 * attemptsMax,
          `${client.stats().retries} retries of three calls`,
        );
      }),
    );
  });

  it("are served once there is room", async () => {
    const client = await open();
    const reading = client.get("greeting", { deadlineMs: 60_000 });
    await clients[0]?.close();
    assert.equal(await reading, "hello");
  });
});

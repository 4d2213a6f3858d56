import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { connectAdmin } from "../../client/admin.js";
import { connect } from "../../client/index.js";
import { runCommandLine } from "../../cli/run.js";
import { ekv } from "../support/cli-terminal.js";
import { compiled, runNode } from "../support/children.js";
import { freePort } from "../support/free-ports.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { failsWith } from "../support/sdk-cluster.js";

const hourMs = 3_600_000;

/** Takes connections and says nothing, as a frozen server does. */
class SilentServers {
  readonly addresses: string[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  async start(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      const server = createServer((socket) => this.#sockets.add(socket.on("error", () => undefined)));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const address = server.address();
      this.addresses.push(`127.0.0.1:${typeof address === "object" && address ? address.port : 0}`);
      this.#servers.push(server);
    }
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) await new Promise((resolve) => server.close(resolve));
  }
}

describe("seeds that do not answer", { timeout: 120_000 }, () => {
  const cluster = new ProcessCluster();
  const silent = new SilentServers();

  before(async () => {
    await silent.start(20);
    await cluster.startMaster();
    await cluster.startStore("store-1");
    await cluster.settled("store-1");
  });
  after(async () => {
    await cluster.stop();
    await silent.stop();
  });

  it("hold up no client: the others are tried meanwhile", async () => {
    // One after the other they would take 40 s.
    const seeds = [...silent.addresses, cluster.masterAddress];
    const client = await connect({ seeds, connectTimeoutMs: 30_000 });
    await client.put("greeting", Buffer.from("hello"));
    await client.close();
  });

  it("hold up no administrator, although a store is among them", async () => {
    const [first = "", second = ""] = silent.addresses;
    const admin = connectAdmin({
      seeds: [first, cluster.storeAddress("store-1"), second, cluster.masterAddress],
    });
    const { clusterId } = await admin.getClusterStatus();
    assert.ok(clusterId);
    await admin.close();
  });

  it("hold up no ping, however long a call may take", async () => {
    const [first = "", second = ""] = silent.addresses;
    const seeds = [first, second, cluster.masterAddress].join();
    const args = ["ping", "--json", "--count", "1", "--seeds", seeds, "--timeout-ms", String(hourMs)];
    const { code, stdout } = await ekv(args);
    const { results } = JSON.parse(stdout) as { results: { name: string; failures: number }[] };
    assert.deepEqual(
      [code, results.map(({ name, failures }) => [name, failures])],
      [
        0,
        [
          ["master", 0],
          ["store-1", 0],
        ],
      ],
    );
  });

  it("let a client wait for its time, but not when all refuse: nobody listens, or the name is unknown", async () => {
    const seeds = [
      `127.0.0.1:${await freePort()}`,
      `127.0.0.1:${await freePort()}`,
      "no-such-host.invalid:7400",
    ];
    const [first, second] = seeds;
    const named = new RegExp(`${first}, ${second}: connection refused; no-such-host.*no such`);
    await assert.rejects(connect({ seeds, connectTimeoutMs: hourMs }), failsWith("UNAVAILABLE", named));
  });

  it("are waited for when a program says so", async () => {
    const port = await freePort();
    const connecting = connect({
      seeds: [`127.0.0.1:${port}`],
      connectTimeoutMs: hourMs,
      refusedTimeoutMs: hourMs,
    });
    const master = runNode(compiled("../../services/master/main.js"), [
      ...["--create", "--data", `${cluster.folder}/late`, "--port", String(port), "--log-format", "json"],
    ]);
    const client = await connecting;
    await client.close();
    await master.kill();
  });

  it("are named by `ekv get`, which does not wait for its whole timeout", async () => {
    const seed = `127.0.0.1:${await freePort()}`;
    const texts: string[] = [];
    const output = {
      write: (text: string | Uint8Array) => Promise.resolve(void texts.push(String(text))),
      flush: () => Promise.resolve(),
    };
    const code = await runCommandLine(["get", "greeting", "--seeds", seed, "--timeout-ms", String(hourMs)], {
      stdin: process.stdin,
      stdout: output,
      stderr: output,
      environment: {},
      signal: new AbortController().signal,
    } as unknown as Parameters<typeof runCommandLine>[1]);
    assert.equal(code, 5);
    assert.match(texts.join(""), new RegExp(`${seed}: connection refused`));
  });
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { connect as connectSocket, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { type Client, codecs, connect } from "../../client/index.js";
import { splitHostPort } from "../../services/core/host-port.js";
import { type Child, childOf } from "../support/children.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { waitFor } from "../support/wait-for.js";

const descriptors = 160;

/** A cluster whose processes may open few files. */
class NarrowCluster extends ProcessCluster {
  protected override run(program: string, args: readonly string[]): Child {
    const script = `ulimit -n ${descriptors}; exec "$0" "$@"`;
    return childOf(
      spawn("/bin/sh", ["-c", script, process.execPath, program, ...args], {
        stdio: ["ignore", "pipe", "inherit"],
      }),
    );
  }
}

describe("servers that clients leave no file descriptors", { timeout: 240_000 }, () => {
  const cluster = new NarrowCluster(["--initial-stores", "1", "--partitions", "16"]);
  const sockets = new Set<Socket>();
  let client: Client<string>;

  /** Opens more connections than a server may have files, again and again as it closes them. */
  async function flood(address: string): Promise<{ stop(): void; closed(): number }> {
    let closed = 0;
    let stopped = false;
    const open = (): void => {
      if (stopped) return;
      const socket = connectSocket(splitHostPort(address));
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        closed += 1;
        sockets.delete(socket);
        setImmediate(open);
      });
    };
    for (let i = 0; i < 2 * descriptors; i += 1) open();
    await waitFor("connections to be refused", () => closed > 2 * descriptors);
    const stop = (): void => {
      stopped = true;
      for (const socket of sockets) socket.destroy();
    };
    return { stop, closed: () => closed };
  }

  before(async () => {
    await cluster.startMaster();
    await cluster.startStore("store-1");
    await cluster.settled("store-1");
    client = await connect({ seeds: [cluster.masterAddress], codec: codecs.string, deadlineMs: 60_000 });
    await client.put("key", "value");
  });

  after(async () => {
    for (const socket of sockets) socket.destroy();
    await client.close();
    await cluster.stop();
  });

  it("a store refuses connections, serves those it has, and stays in touch with its master", async () => {
    const flooded = await flood(cluster.storeAddress("store-1"));
    const [before] = await cluster.list();
    await client.put("key", "again");
    await waitFor("another heartbeat", async () => {
      const [store] = await cluster.list();
      return store?.alive === true && store.lastHeartbeatMs > (before?.lastHeartbeatMs ?? 0);
    });
    assert.equal(await client.get("key"), "again");
    flooded.stop();
    await waitFor("a new client to be served", async () => {
      const other = await connect({ seeds: [cluster.storeAddress("store-1")], codec: codecs.string }).catch(
        () => undefined,
      );
      const value = await other?.get("key");
      await other?.close();
      return value === "again";
    });
    assert.equal(cluster.stores.get("store-1")?.process.exitCode, null);
  });

  it("a master refuses connections, and its stores stay alive", async () => {
    const flooded = await flood(cluster.masterAddress);
    const [store] = await cluster.list();
    assert.equal(store?.alive, true);
    flooded.stop();
    await cluster.settled("store-1");
    assert.equal(cluster.master?.process.exitCode, null);
  });
});

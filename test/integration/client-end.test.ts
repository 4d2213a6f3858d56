import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { type Child, compiled, runNode } from "../support/children.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { waitFor } from "../support/wait-for.js";

/** Less than keepalive takes to find a silent peer, and much less than an operating system tries to connect. */
const endMsMax = 8000;

/** Runs a process that uses and closes clients. Resolves with what it said, once it has ended by itself. */
async function runUser(...args: readonly string[]): Promise<readonly string[]> {
  const user: Child = runNode(compiled("../support/user-child.js"), args);
  try {
    await user.line("closed");
    await waitFor("the end of the process", () => user.process.exitCode !== null, endMsMax, 20);
    assert.equal(user.process.exitCode, 0);
    return user.lines;
  } finally {
    await user.kill();
  }
}

describe("a process with clients that it has closed ends by itself", () => {
  const cluster = new ProcessCluster(["--launcher", "none", "--initial-stores", "2", "--partitions", "64"]);
  before(async () => {
    await cluster.startMaster();
    for (const id of ["s1", "s2"]) await cluster.startStore(id);
    await cluster.settled("s1", "s2");
  });
  after(() => cluster.stop());

  it("while the cluster goes on", async () => {
    assert.deepEqual(await runUser(cluster.masterAddress, "30000"), ["used 100", "closed"]);
  });

  it("when the servers do not answer any more", async () => {
    const servers = [cluster.master, ...cluster.stores.values()];
    const pids = servers.map((child) => String(child?.process.pid));
    try {
      assert.deepEqual(await runUser(cluster.masterAddress, "30000", ...pids), ["used 100", "closed"]);
    } finally {
      for (const child of servers) child?.process.kill("SIGCONT");
    }
  });

  it("when it could not connect, to a host that keeps silent", async () => {
    const deaf = runNode(compiled("../support/deaf-child.js"), []);
    const sockets: Socket[] = [];
    try {
      const port = Number(await deaf.line(""));
      let connected = 0;
      for (let i = 0; i < 4; i += 1) {
        sockets.push(connect(port, "127.0.0.1", () => (connected += 1)).on("error", () => undefined));
      }
      // A queue for one takes two.
      await waitFor("a full queue", () => connected === 2);
      const lines = await runUser(`127.0.0.1:${port}`, "300");
      assert.equal(lines.length, 3);
      assert.match(lines[0] ?? "", /^failed: .*(no answer in time|no master answers)/);
      assert.match(lines[1] ?? "", /^failed: .*no server sent the topology/);
    } finally {
      for (const socket of sockets) socket.destroy();
      await deaf.kill();
    }
  });
});

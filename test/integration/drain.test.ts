import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Client, codecs, connect } from "../../client/index.js";
import { lockFileName } from "../../services/runtime/folder-lock.js";
import { adminService } from "../../services/wire/services.js";
import { CheckedLoad } from "../support/checked-load.js";
import type { Child } from "../support/children.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { waitFor } from "../support/wait-for.js";

const pattern = "node-#";

describe("stores that drain when they are stopped", () => {
  const cluster = new ProcessCluster(["--partitions", "64", "--initial-stores", "3"]);
  const children: Child[] = [];
  let client: Client<string>;

  /** One more process of the same settings, as a container runtime starts them. */
  async function scaleUp(): Promise<Child> {
    const child = await cluster.startStore(pattern, [
      ...["--port", "0", "--data", join(cluster.folder, "stores"), "--advertise", "auto"],
      ...["--drain-on-stop", "--no-exit-when-removed"],
    ]);
    children.push(child);
    return child;
  }

  /** A line of a process's log. */
  async function logged(child: Child, message: string): Promise<{ readonly service: string }> {
    return await waitFor(`${message} in the log`, () =>
      child.lines
        .map((line) => JSON.parse(line) as { message: string; service: string })
        .find((line) => line.message === message),
    );
  }

  /** The name that a process took. */
  async function nameOf(child: Child): Promise<string> {
    return (await logged(child, "listening")).service;
  }

  async function stop(signal: NodeJS.Signals, ...some: readonly Child[]): Promise<void> {
    for (const child of some) child.process.kill(signal);
    await Promise.all(some.map(({ ended }) => ended));
    assert.deepEqual(
      some.map(({ process }) => process.exitCode),
      some.map(() => 0),
    );
  }

  before(async () => {
    await cluster.startMaster();
    for (let i = 0; i < 3; i += 1) await scaleUp();
    await cluster.settled("node-1", "node-2", "node-3");
    client = await connect({ seeds: [cluster.masterAddress], codec: codecs.string, deadlineMs: 30_000 });
  });

  after(async () => {
    await client.close();
    for (const child of children) await child.kill();
    await cluster.stop();
  });

  it("give their data away at SIGTERM, without a failed call, and leave nothing behind", async () => {
    const load = new CheckedLoad(client, "drained", 8, 100);
    await waitFor("calls", () => load.calls > 1000);
    const leaver = children[2]!;
    const name = await nameOf(leaver);
    await stop("SIGTERM", leaver);
    const left = ["node-1", "node-2", "node-3"].filter((other) => other !== name);
    await cluster.settled(...left);
    const report = await load.stop();
    assert.deepEqual([report.failures, report.wrong, report.unknown], [[], [], 0]);
    assert.ok(readdirSync(join(cluster.folder, "stores", name)).every((file) => file === lockFileName));
    await scaleUp();
    await cluster.settled("node-1", "node-2", "node-3");
  });

  it("keep their data at SIGINT", async () => {
    const one = children.at(-1)!;
    const name = await nameOf(one);
    await stop("SIGINT", one);
    assert.equal(existsSync(join(cluster.folder, "stores", name, "log")), true);
    await scaleUp();
    const stores = await cluster.settled("node-1", "node-2", "node-3");
    assert.equal(stores.length, 3);
  });

  it("keep their data when all are stopped at once, and have it when they are back", async () => {
    await client.put("kept", "yes");
    const running = children.filter(({ process }) => process.exitCode === null);
    assert.equal(running.length, 3);
    await stop("SIGTERM", ...running);
    for (let i = 0; i < 3; i += 1) await scaleUp();
    await cluster.settled("node-1", "node-2", "node-3");
    assert.equal(await client.get("kept"), "yes");
  });

  it("keep their data when there is no master to see to it", async () => {
    await cluster.master?.kill();
    const one = children.at(-1)!;
    const name = await nameOf(one);
    await stop("SIGTERM", one);
    assert.equal(existsSync(join(cluster.folder, "stores", name, "log")), true);
    await cluster.startMaster();
    await scaleUp();
    await cluster.settled("node-1", "node-2", "node-3");
  });

  it("wait, out of the way, when an operator removed them", async () => {
    const one = children.at(-1)!;
    const name = await nameOf(one);
    await cluster.admin(adminService.removeStore, { storeId: name, dryRun: false, purge: false });
    await logged(one, "stopped");
    assert.equal(one.process.exitCode, null, "whoever restarts what ends would bring it back");
    await stop("SIGTERM", one);
    await waitFor("the master to record that it has gone", async () => (await cluster.list()).length === 2);
  });
});

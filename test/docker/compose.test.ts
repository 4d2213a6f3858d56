import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { type AdminClient, connectAdmin } from "../../client/admin.js";
import { type Client, codecs, connect } from "../../client/index.js";
import { OperationState, type StoreInfo } from "../../services/gen/elastickv/v1/master.js";
import { CheckedLoad } from "../support/checked-load.js";
import {
  type ComposeCommand,
  composeCommands,
  ComposeProject,
  crash,
  docker,
  engineFolder,
  engineSocket,
  images,
  inventory,
  restartEngine,
  skipped,
} from "../support/docker-engine.js";
import { readFirstKey } from "../support/first-key.js";
import { freePort } from "../support/free-ports.js";

import { waitFor } from "../support/wait-for.js";

const keysImported = 5000;
const settleMs = 120_000;
const first = ["compose-1", "compose-2", "compose-3"];

if (skipped !== false) it("the compose file", { skip: skipped });

for (const command of composeCommands) {
  describe(`the compose file, by Compose ${command.version}`, { timeout: 900_000 }, () => testFile(command));
}

function testFile(command: ComposeCommand): void {
  const name = `ekvtest${randomBytes(4).toString("hex")}`;
  let left: string[];
  let port: number;
  let project: ComposeProject;
  let admin: AdminClient;
  let client: Client<string>;

  before(async () => {
    left = await inventory();
    port = await freePort();
    project = new ComposeProject(command, name, ["docker-compose.yml", "docker-compose.launcher.yml"], {
      EKV_MASTER_IMAGE: images.master,
      EKV_STORE_IMAGE: images.store,
      EKV_PORT: String(port),
      EKV_STORE_PORTS: "0",
      EKV_PARTITIONS: "128",
      DOCKER_SOCKET: engineSocket,
      DOCKER_GROUP: String(statSync(engineSocket).gid),
    });
    await project.run("up", "--detach");
    admin = connectAdmin({ seeds: [`127.0.0.1:${port}`] });
    await settled(...first);
    client = await connect({ seeds: [`127.0.0.1:${port}`], codec: codecs.string, deadlineMs: 60_000 });
  });

  after(async () => {
    await client?.close();
    await admin?.close();
    await project.run("down", "--volumes", "--remove-orphans", "--timeout", "30");
    const volumes = (await inventory()).filter((one) => one.startsWith("volume ekv-"));
    for (const volume of volumes) await docker.getVolume(volume.replace("volume ", "")).remove();
  });

  /** Waits until these stores, and no others, are there and own the whole ring. */
  async function settled(...storeIds: readonly string[]): Promise<readonly StoreInfo[]> {
    return await waitFor(
      `the ring to belong to ${storeIds.join(", ")}`,
      async () => {
        try {
          const { stores } = await admin.listStores({}, { deadlineMs: 5000 });
          const status = await admin.getClusterStatus({}, { deadlineMs: 5000 });
          const owners = stores.filter(({ partitions, alive }) => partitions > 0 && alive);
          const names = owners.map(({ storeId }) => storeId).sort();
          const isQuiet = status.operationsActive === 0 && stores.length === storeIds.length;
          return isQuiet && names.join() === [...storeIds].sort().join() && stores;
        } catch {
          return false; // The master may be away.
        }
      },
      settleMs,
    );
  }

  async function ended(operationId: string): Promise<void> {
    await waitFor(
      `${operationId} to end`,
      async () => {
        const { operation } = await admin.getOperation({ operationId });
        assert.notEqual(operation?.state, OperationState.FAILED, operation?.message);
        return operation?.state === OperationState.SUCCEEDED;
      },
      settleMs,
    );
  }

  /** Resolves with the store's id, and how long it took until a key of it was served, in milliseconds. */
  async function addStore(): Promise<{ readonly storeId: string; readonly servedMs: number }> {
    const askedMs = performance.now();
    const { result } = await admin.addStore({ storeId: "", dryRun: false });
    assert.ok(result?.$case === "operation");
    const { id, storeId } = result.value;
    await readFirstKey(client, storeId);
    const servedMs = Math.round(performance.now() - askedMs);
    await ended(id);
    return { storeId, servedMs };
  }

  async function removeStore(storeId: string, purge: boolean): Promise<void> {
    const { result } = await admin.removeStore({ storeId, purge, dryRun: false });
    assert.ok(result?.$case === "operation");
    await ended(result.value.id);
  }

  /** Runs calls all the while, and checks every answer. None may fail. */
  async function underLoad(prefix: string, work: () => Promise<void>): Promise<void> {
    const load = new CheckedLoad(client, prefix, 8, 100);
    await waitFor("calls", () => load.calls > 200, 60_000);
    await work();
    const report = await load.stop();
    assert.deepEqual([report.failures, report.wrong], [[], []]);
    assert.ok(report.calls > 500);
  }

  const numbers = Array.from({ length: keysImported }, (_, i) => i);

  async function assertImported(): Promise<void> {
    const values = await client.getMany(numbers.map((i) => `imported:${i}`));
    assert.equal(values.filter((value, i) => value !== `value ${i}`).length, 0);
  }

  it("brings up a master and three stores, which take an import", async () => {
    await client.putMany(numbers.map((i) => [`imported:${i}`, `value ${i}`]));
    await assertImported();
    const status = await project.run("exec", "-T", "master", "ekv", "status", "--json");
    assert.equal((JSON.parse(status) as { healthy: boolean }).healthy, true);
  });

  it("runs without rights, on a read-only root, within limits, on loopback ports, and is healthy", async () => {
    for (const { Id } of [...(await project.containers("master")), ...(await project.containers("store"))]) {
      const { HostConfig: host, Config: config } = await docker.getContainer(Id).inspect();
      assert.equal(host.ReadonlyRootfs, true);
      assert.deepEqual(host.CapDrop, ["ALL"]);
      assert.equal(host.Init, true);
      assert.ok((host.Memory ?? 0) > 0 && (host.NanoCpus ?? 0) > 0 && (host.PidsLimit ?? 0) > 0);
      assert.equal(host.RestartPolicy?.Name, "unless-stopped");
      assert.equal(config.User, "10001:10001");
      assert.match(config.Labels["org.opencontainers.image.version"] ?? "", /^\d+\.\d+\.\d+$/);
      const ports = Object.values(
        host.PortBindings as Record<string, readonly { readonly HostIp: string }[]>,
      );
      assert.deepEqual([...new Set(ports.flat().map(({ HostIp }) => HostIp))], ["127.0.0.1"]);
      await waitFor(
        "its health",
        async () => (await docker.getContainer(Id).inspect()).State.Health?.Status === "healthy",
        settleMs,
        250,
      );
    }
  });

  it("scales to five stores and back to three under load, without a failed call", async () => {
    await underLoad("scaled", async () => {
      await project.run("up", "--detach", "--no-recreate", "--scale", "store=5");
      await settled(...first, "compose-4", "compose-5");
      await project.run("up", "--detach", "--no-recreate", "--scale", "store=3");
      await waitFor("three stores", async () => (await admin.listStores({})).stores.length === 3, settleMs);
    });
    assert.equal((await project.containers("store")).length, 3);
    await assertImported();
  });

  it("adds and removes stores through the API under load, without a failed call", async (t) => {
    await underLoad("launched", async () => {
      for (const expected of ["store-1", "store-2"]) {
        const { storeId, servedMs } = await addStore();
        assert.equal(storeId, expected);
        t.diagnostic(`from add-store to the first key served: ${servedMs} ms (under load, 128 partitions)`);
      }
      assert.equal((await project.containers("launched-store")).length, 2);
      await removeStore("store-1", true);
    });
    assert.equal((await project.containers("launched-store")).length, 1);
    assert.deepEqual(
      (await inventory()).filter((one) => /^volume ekv-.*store-/.test(one)).map((one) => one.slice(-7)),
      ["store-2"],
    );
    await assertImported();
  });

  it("finds a launched store again after its master was killed and came back", async () => {
    const [master] = await project.containers("master");
    await crash(master?.Id ?? "");
    const stores = await admin.listStores({}).catch(() => undefined);
    assert.ok(stores === undefined || stores.stores.length > 0);
    await waitFor(
      "the master's return",
      async () => (await admin.getClusterStatus({}, { deadlineMs: 2000 }).catch(() => undefined))?.term === 2,
      settleMs,
    );
    await removeStore("store-2", true);
    assert.deepEqual(await project.containers("launched-store"), []);
  });

  it("starts killed stores again: calls wait, and none fails", async () => {
    await underLoad("killed", async () => {
      for (const { Id } of (await project.containers("store")).slice(0, 2)) {
        const { RestartCount: before } = await docker.getContainer(Id).inspect();
        await crash(Id);
        await waitFor(
          "the restart",
          async () => (await docker.getContainer(Id).inspect()).RestartCount > before,
          settleMs,
        );
        await waitFor(
          "three stores alive",
          async () => (await admin.getClusterStatus({})).storesAlive === 3,
          settleMs,
        );
      }
    });
    await assertImported();
  });

  it("gets over a store that is cut off its network and comes back, perhaps elsewhere", async () => {
    const network = docker.getNetwork(`${name}_default`);
    const [store] = await project.containers("store");
    await underLoad("cut", async () => {
      await network.disconnect({ Container: store?.Id ?? "" });
      const alive = async (): Promise<number> => (await admin.getClusterStatus({})).storesAlive;
      await waitFor("the loss to be noticed", async () => (await alive()) === 2, settleMs);
      await network.connect({ Container: store?.Id ?? "" });
      await waitFor("its return", async () => (await alive()) === 3, settleMs);
    });
    await assertImported();
  });

  it(
    "gets over a restart of the engine",
    { skip: engineFolder === "" && "the engine was there before: it is not ours to restart" },
    async () => {
      await restartEngine();
      await settled(...first);
      await assertImported();
    },
  );

  it("has its data again after down and up", async () => {
    await project.run("down");
    await project.run("up", "--detach");
    await settled(...first);
    await assertImported();
  });

  it("leaves nothing behind", async () => {
    await client.close();
    await admin.close();
    await project.run("down", "--volumes");
    assert.deepEqual(await inventory(), left);
  });
}

/** A real master and real stores whose pods a Kubernetes API server keeps: what `kubectl scale` and `ekv` do to them. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Client, codecs, connect } from "../../client/index.js";
import { adminService } from "../../services/wire/services.js";
import { CheckedLoad } from "../support/checked-load.js";
import { compiled, runNode } from "../support/children.js";
import { KubernetesAccess } from "../support/kubernetes-access.js";
import { KubernetesServer, runningStatus } from "../support/kubernetes-server.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { waitFor } from "../support/wait-for.js";

const leaveProgram = compiled("../../services/store/leave/main.js");

describe("stores as the pods of a StatefulSet", () => {
  const access = new KubernetesAccess();
  let server: KubernetesServer;
  let cluster: ProcessCluster;
  let client: Client<string>;
  /** How each preStop hook ended: its exit status and its last words. */
  const hooks: { readonly pod: string; readonly exitCode: number | null; readonly said: string }[] = [];

  /** What a kubelet does with a pod that is to end: the preStop hook beside the container, then SIGTERM. */
  async function endPod(pod: string): Promise<void> {
    const hook = runNode(leaveProgram, [
      "--store-id",
      pod,
      "--master",
      cluster.masterAddress,
      "--leave-unknown-ms",
      "1000",
    ]);
    await hook.ended;
    hooks.push({ pod, exitCode: hook.process.exitCode, said: hook.lines.at(-1) ?? "" });
    const store = cluster.stores.get(pod);
    store?.process.kill("SIGTERM");
    await store?.ended;
  }

  async function operations(): Promise<string[]> {
    const { operations: all } = await cluster.admin(adminService.listOperations, { activeOnly: false });
    return all.map(({ id, storeId, state }) => `${id} ${storeId} ${state}`);
  }

  /** Waits until the StatefulSet has all its pods and none is on its way out. */
  async function rolledOut(): Promise<void> {
    await waitFor(
      "the pods to be as wanted",
      () => {
        const pods = [...server.pods.values()];
        return pods.length === server.replicas && pods.every(({ metadata }) => !metadata?.deletionTimestamp);
      },
      60_000,
    );
  }

  before(async () => {
    server = new KubernetesServer(access.tls);
    await server.start();
    cluster = new ProcessCluster([
      ...["--partitions", "64", "--initial-stores", "3", "--launcher", "kubernetes"],
      ...["--kubernetes-config", access.kubeconfig(server)],
    ]);
    server.life = {
      statuses: (pod) => {
        void cluster.startStore(pod).then(() => server.setStatus(pod, runningStatus));
        return [];
      },
      end: endPod,
    };
    await cluster.startMaster();
    server.scale(3);
    await cluster.settled("store-0", "store-1", "store-2");
    client = await connect({ seeds: [cluster.masterAddress], codec: codecs.string, deadlineMs: 30_000 });
  });

  after(async () => {
    await client.close();
    await cluster.stop();
    await server.stop();
    access.remove();
  });

  it("start by themselves, without the master launching any", async () => {
    assert.ok(!server.requests.some((line) => line.startsWith("PUT")));
    assert.deepEqual(await operations(), []);
  });

  it("are restarted without being drained, as in a rolling update, and no call fails", async () => {
    const load = new CheckedLoad(client, "rolled", 4, 50);
    for (const pod of ["store-2", "store-0"]) {
      await server.restartPod(pod);
      await cluster.settled("store-0", "store-1", "store-2");
    }
    const report = await load.stop();
    assert.deepEqual([report.failures, report.wrong, report.unknown], [[], [], 0]);
    assert.deepEqual(await operations(), [], "nothing was moved");
    assert.deepEqual(
      hooks.splice(0).map(({ pod, exitCode, said }) => `${pod} ${exitCode} ${said}`),
      ["store-2", "store-0"].map((pod) => `${pod} 0 ${pod} is to come back`),
    );
  });

  it("are drained before they go when kubectl scales down, and no call fails", async () => {
    const load = new CheckedLoad(client, "scaled-down", 4, 50);
    await waitFor("calls", () => load.calls > 500);
    server.scale(2);
    await rolledOut();
    await cluster.settled("store-0", "store-1");
    assert.deepEqual(
      (await cluster.list()).map(({ storeId }) => storeId),
      ["store-0", "store-1"],
    );
    const report = await load.stop();
    assert.deepEqual([report.failures, report.wrong, report.unknown], [[], [], 0]);
    assert.deepEqual(hooks.splice(0), [
      { pod: "store-2", exitCode: 0, said: "store-2 owns nothing any more and leaves" },
    ]);
    assert.ok(server.claims.has("data-store-2"), "its disk stays");
  });

  it("take their share when kubectl scales up", async () => {
    server.scale(4);
    await cluster.settled("store-0", "store-1", "store-2", "store-3");
  });

  it("are added and removed by ekv's calls, which scale the StatefulSet", async () => {
    const added = await cluster.admin(adminService.addStore, { storeId: "", dryRun: false });
    assert.equal(added.result?.$case, "operation");
    if (added.result?.$case !== "operation") return;
    assert.equal(added.result.value.storeId, "store-4");
    await cluster.finished(added.result.value.id);
    assert.equal(server.replicas, 5);
    const removed = await cluster.admin(adminService.removeStore, {
      storeId: "store-4",
      dryRun: false,
      purge: true,
    });
    if (removed.result?.$case !== "operation") return assert.fail("no operation");
    const operation = await cluster.finished(removed.result.value.id);
    assert.equal(operation.message, "");
    assert.equal(server.replicas, 4);
    assert.ok(!server.claims.has("data-store-4"));
    await rolledOut();
    assert.deepEqual(hooks.splice(0).at(-1), {
      pod: "store-4",
      exitCode: 0,
      said: "store-4 owns nothing any more and leaves",
    });
  });

  it("are refused to be removed out of turn, before anything moves, with the one that can be", async () => {
    const before = await operations();
    await assert.rejects(
      cluster.admin(adminService.removeStore, { storeId: "store-1", dryRun: false, purge: false }),
      /store-3 can be removed now, store-1 once it is the highest/,
    );
    await assert.rejects(
      cluster.admin(adminService.addStore, { storeId: "store-9", dryRun: false }),
      /the next is store-4/,
    );
    assert.deepEqual(await operations(), before);
  });

  it("keep everything when the StatefulSet is scaled to nothing and back", async () => {
    await client.put("kept", "yes");
    const before = await operations();
    server.scale(0);
    await rolledOut();
    assert.ok(hooks.splice(0).every(({ said }) => said.endsWith("is to come back")));
    server.scale(4);
    await cluster.settled("store-0", "store-1", "store-2", "store-3");
    assert.equal(await client.get("kept"), "yes");
    assert.deepEqual(await operations(), before);
  });

  it("stop as they are when no master can say whether they are wanted, and their hook says so", async () => {
    await cluster.master?.kill();
    await server.restartPod("store-3");
    assert.deepEqual(
      hooks.splice(0).map(({ pod, exitCode }) => [pod, exitCode]),
      [["store-3", 1]],
    );
    await cluster.startMaster();
    await cluster.settled("store-0", "store-1", "store-2", "store-3");
  });
});

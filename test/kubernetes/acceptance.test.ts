import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import type { V1Pod, V1StatefulSet } from "@kubernetes/client-node";
import {
  ekv,
  images,
  kubectl,
  kubectlJson,
  kubectlWithInput,
  manifestsOf,
  names,
  namespace,
  rolledOut,
  settled,
  skipped,
  stores,
} from "../support/kubernetes-cluster.js";
import { LoadPod } from "../support/load-pod.js";
import { waitFor } from "../support/wait-for.js";

const keysKept = 500;
const launcher = `system:serviceaccount:${namespace}:master`;

/** A pod's identity: it changes when the pod is made anew. */
async function uidOf(pod: string): Promise<string> {
  return (await kubectlJson<V1Pod>("get", "pod", pod)).metadata?.uid ?? "";
}

function podsOfStores(): Promise<readonly string[]> {
  return names("pods", "-l", "app.kubernetes.io/name=store");
}

async function replicas(): Promise<number | undefined> {
  return (await kubectlJson<V1StatefulSet>("get", "statefulset", "store")).spec?.replicas;
}

async function isAllowed(as: string, ...what: readonly string[]): Promise<boolean> {
  try {
    return (await kubectl("auth", "can-i", ...what, `--as=${as}`)).trim() === "yes";
  } catch {
    return false; // It says no by its exit status too.
  }
}

/** For calls that wait for a pod's restart: its partitions have one replica. */
const restartMs = 60_000;

/** Runs calls all the while, with the SDK's own deadline unless another is given, and checks every answer. None may fail. */
async function underLoad(
  test: TestContext,
  name: string,
  work: () => Promise<void>,
  deadlineMs?: number,
): Promise<void> {
  const load = await LoadPod.start(name, deadlineMs);
  const startedMs = performance.now();
  await work();
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const report = await load.stop();
  test.diagnostic(`${name}: ${seconds} s, ${report.calls} calls, the slowest ${report.slowestMs} ms`);
  assert.deepEqual([report.failures, report.wrong, report.unknown], [[], [], 0]);
}

describe("on a Kubernetes cluster", { skip: skipped, timeout: 3_000_000 }, () => {
  before(async () => {
    const taken = (await kubectl("get", "namespaces", "--output", "name")).split("\n");
    assert.ok(!taken.includes(`namespace/${namespace}`), `there is a namespace ${namespace} already`);
    kubectlWithInput(manifestsOf("overlays/dev", "Namespace"), "apply", "-f", "-");
  });

  after(async () => {
    if (process.env["EKV_TEST_KEEP"] !== undefined) return;
    // Else the stores' hooks would wait for a master that went with them.
    await kubectl("scale", "statefulset", "store", "--replicas=0");
    await kubectl("wait", "pod", "-l", "app.kubernetes.io/name=store", "--for=delete", "--timeout=300s");
    await kubectl("delete", "namespace", namespace);
  });

  it("is where pods that ask for too much are refused", async () => {
    await assert.rejects(kubectl("run", "greedy", "--image=greedy", "--privileged"), /orbidden/);
  });

  it("takes every overlay, as far as the API server judges it", () => {
    for (const overlay of ["overlays/dev", "overlays/production", "overlays/autoscaled"]) {
      kubectlWithInput(manifestsOf(overlay), "apply", "--dry-run=server", "-f", "-");
    }
  });

  it("comes up by kubectl apply of the overlay dev, each store with its share", async () => {
    kubectlWithInput(manifestsOf("overlays/dev"), "apply", "-f", "-");
    await rolledOut("master");
    await rolledOut("store");
    await settled(2);
    assert.deepEqual(await names("persistentvolumeclaims"), [
      "data-master-0",
      "data-store-0",
      "data-store-1",
    ]);
  });

  it("lets the master's service account do what the launcher does, and nothing else", async () => {
    const may = [
      ["get", "statefulsets/store"],
      ["get", "statefulsets/store", "--subresource=scale"],
      ["update", "statefulsets/store", "--subresource=scale"],
      ["list", "pods"],
      ["watch", "pods"],
      ["get", "persistentvolumeclaims"],
      ["delete", "persistentvolumeclaims"],
    ];
    const mayNot = [
      ["update", "statefulsets/store"],
      ["update", "statefulsets/master", "--subresource=scale"],
      ["delete", "pods"],
      ["get", "secrets"],
      ["list", "pods", "--all-namespaces"],
    ];
    for (const what of may) assert.ok(await isAllowed(launcher, ...what), what.join(" "));
    for (const what of mayNot) assert.ok(!(await isAllowed(launcher, ...what)), what.join(" "));
    for (const what of may) {
      assert.ok(!(await isAllowed(`system:serviceaccount:${namespace}:store`, ...what)), what.join(" "));
    }
  });

  it("keeps what the command line puts", async () => {
    const lines = Array.from({ length: keysKept }, (_, i) =>
      JSON.stringify({ key: `kept:${i}`, value: `${i}` }),
    );
    await ekv("put", "greeting", "hello");
    assert.match(await ekv("get", "greeting"), /hello/);
    kubectlWithInput(
      `${lines.join("\n")}\n`,
      "exec",
      "-i",
      "master-0",
      "--",
      "ekv",
      "import",
      "-",
      "--format",
      "ndjson",
    );
    await assertKept();
  });

  async function assertKept(): Promise<void> {
    const found = await ekv("export", "-", "--format", "ndjson", "--prefix", "kept:");
    assert.equal(found.trim().split("\n").length, keysKept);
  }

  it("grows and shrinks by kubectl scale, without a failed call", async (test) => {
    await underLoad(test, "scaling", async () => {
      await kubectl("scale", "statefulset", "store", "--replicas=5");
      await settled(5);
      await rolledOut("store");
      await kubectl("scale", "statefulset", "store", "--replicas=3");
      await settled(3);
      await waitFor("the pods to be gone", async () => (await podsOfStores()).length === 3, 300_000, 500);
    });
    assert.ok((await names("persistentvolumeclaims")).includes("data-store-4"), "claims stay");
    await assertKept();
  });

  it("grows and shrinks by ekv add-store and remove-store, without a failed call", async (test) => {
    await underLoad(test, "launching", async () => {
      const added = JSON.parse(await ekv("add-store", "--json")) as { storeId: string };
      assert.equal(added.storeId, "store-3");
      await settled(4);
      await assert.rejects(ekv("remove-store", "store-1"), /highest first/);
      await ekv("remove-store", "store-3", "--purge", "--json");
      await settled(3);
    });
    assert.equal(await replicas(), 3);
    await waitFor(
      "the claim to be deleted",
      async () => !(await names("persistentvolumeclaims")).includes("data-store-3"),
      60_000,
      500,
    );
    await assertKept();
  });

  it("takes a store away again, with its disk, whose pod cannot start", async () => {
    const template = (image: string, partition: number): string =>
      JSON.stringify({
        spec: {
          // The pods below this number stay as they are.
          updateStrategy: { rollingUpdate: { partition } },
          template: { spec: { containers: [{ name: "store", image }] } },
        },
      });
    await kubectl("patch", "statefulset", "store", "--patch", template("elastic-kv-store:missing", 3));
    await assert.rejects(ekv("add-store", "--json"));
    const { operations } = JSON.parse(await ekv("operations", "--json")) as {
      operations: { message: string }[];
    };
    assert.match(operations[0]?.message ?? "", /store-3 cannot start: .*[Ii]mage/);
    await kubectl("patch", "statefulset", "store", "--patch", template(images.store, 0));
    assert.equal(await replicas(), 3);
    assert.ok(!(await names("persistentvolumeclaims")).includes("data-store-3"));
    await settled(3);
  });

  it("keeps a store that is wanted again while it is being drained, without a failed call", async (test) => {
    const drained = await uidOf("store-2");
    await underLoad(
      test,
      "wavering",
      async () => {
        await kubectl("scale", "statefulset", "store", "--replicas=2");
        await waitFor(
          "the store to be drained",
          async () =>
            (await stores()).some(({ storeId, state }) => storeId === "store-2" && state === "draining"),
          60_000,
          200,
        );
        await kubectl("scale", "statefulset", "store", "--replicas=3");
        await waitFor(
          "the store to be back",
          async () =>
            (await podsOfStores()).length === 3 &&
            (await uidOf("store-2")) !== drained &&
            (await stores()).every(({ alive, state }) => alive && state === "active"),
          300_000,
          500,
        );
        // What had moved stays where it went.
        await ekv("rebalance", "--json");
        await settled(3);
      },
      restartMs,
    );
    await assertKept();
  });

  it("sleeps when it is scaled to 0, and wakes with all it had", async () => {
    const operations = await ekv("operations", "--json");
    await kubectl("scale", "statefulset", "store", "--replicas=0");
    await waitFor("no pods", async () => (await podsOfStores()).length === 0, 300_000, 500);
    await kubectl("scale", "statefulset", "store", "--replicas=3");
    await settled(3);
    assert.equal(await ekv("operations", "--json"), operations, "nothing was moved");
    await assertKept();
  });

  it("gives a deleted store's pod its identity and its data back, without a failed call", async (test) => {
    const before_ = await uidOf("store-1");
    await underLoad(
      test,
      "restarting",
      async () => {
        await kubectl("delete", "pod", "store-1");
        await rolledOut("store");
        await settled(3);
      },
      restartMs,
    );
    assert.notEqual(await uidOf("store-1"), before_);
    assert.deepEqual((await stores()).map(({ storeId }) => storeId).sort(), [
      "store-0",
      "store-1",
      "store-2",
    ]);
    await assertKept();
  });

  it("goes on while the master's pod is deleted, without a failed call", async (test) => {
    await underLoad(test, "masterless", async () => {
      await kubectl("delete", "pod", "master-0");
      await rolledOut("master");
      await settled(3);
    });
    await assertKept();
  });

  it("is restarted pod by pod, without a failed call", async (test) => {
    await underLoad(
      test,
      "rolling",
      async () => {
        await kubectl("rollout", "restart", "statefulset/store");
        await rolledOut("store");
        await settled(3);
      },
      restartMs,
    );
    await assertKept();
  });
});

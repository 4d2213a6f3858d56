import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { loadAll } from "js-yaml";
import { EkvError } from "../../services/core/errors.js";
import { brandAs, type StoreId } from "../../services/core/ids.js";
import type { Launcher } from "../../services/core/ports/launcher.js";
import { readConnection } from "../../services/master/launchers/kubernetes/connection.js";
import { openKubernetesLauncher } from "../../services/master/launchers/kubernetes/launcher.js";
import { systemClock } from "../../services/runtime/clock.js";
import { systemRandom } from "../../services/runtime/random.js";
import { KubernetesAccess } from "../support/kubernetes-access.js";
import {
  type AccessRule,
  KubernetesServer,
  runningStatus,
  waitingStatus,
} from "../support/kubernetes-server.js";
import { waitFor } from "../support/wait-for.js";

const access = new KubernetesAccess();
const role = fileURLToPath(new URL("../../../k8s/base/launcher-role.yaml", import.meta.url));
const rules = (loadAll(readFileSync(role, "utf8")) as { kind: string; rules: AccessRule[] }[]).find(
  ({ kind }) => kind === "Role",
)?.rules;
/** Everything that was done in these tests, under the Role of the manifests. */
const done = new Set<string>();
const store = (number: number): StoreId => brandAs<StoreId>(`store-${number}`);
const scalePath = "/apis/apps/v1/namespaces/elastic-kv/statefulsets/store/scale";

function refused(code: string, pattern: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof EkvError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  };
}

describe("the Kubernetes launcher", () => {
  let server: KubernetesServer;
  let launchers: Launcher[];

  beforeEach(async () => {
    server = new KubernetesServer(access.tls);
    server.rules = rules;
    await server.start();
    launchers = [];
  });
  afterEach(async () => {
    for (const launcher of launchers) await launcher.close({ stopStores: false });
    await server.stop();
    for (const what of server.allowed) done.add(what);
  });
  after(() => access.remove());

  function open(waitMs = 20_000, token?: string): Launcher {
    const launcher = openKubernetesLauncher({
      connection: readConnection(access.kubeconfig(server, token), ""),
      statefulSet: server.statefulSet,
      waitMs,
      clock: systemClock,
      random: systemRandom,
      log: { info: () => undefined, warn: () => undefined },
    });
    launchers.push(launcher);
    return launcher;
  }

  const puts = (): number => server.requests.filter((line) => line.startsWith("PUT")).length;

  it("says which stores are wanted, and which run", async () => {
    server.scale(3);
    await waitFor("pods to run", () =>
      [...server.pods.values()].every(({ status }) => status === runningStatus),
    );
    server.setStatus("store-2", { phase: "Pending" });
    const launcher = open();
    assert.deepEqual(await launcher.scale?.(), { prefix: "store", wanted: 3 });
    assert.deepEqual(await launcher.list(), [
      { storeId: "store-0", running: true, handle: "pod store-0" },
      { storeId: "store-1", running: true, handle: "pod store-1" },
      { storeId: "store-2", running: false, handle: "pod store-2" },
    ]);
  });

  it("adds a store by scaling up, once its pod runs", async () => {
    server.scale(1);
    server.life = { ...server.life, statuses: () => [waitingStatus("ContainerCreating", "")] };
    const launcher = open();
    let resolved = false;
    const launched = launcher.launch(store(1)).finally(() => {
      resolved = true;
    });
    await server.watched();
    assert.equal(server.replicas, 2);
    assert.equal(resolved, false);
    server.setStatus("store-1", runningStatus);
    assert.deepEqual(await launched, { storeId: "store-1", running: true, handle: "pod store-1" });
    await waitFor("the watch to end", () => server.watching === 0);
  });

  it("finds a store running that is there already, and scales nothing", async () => {
    server.scale(2);
    await open().launch(store(1));
    assert.equal(puts(), 0);
    assert.equal(server.replicas, 2);
  });

  it("adds no other than the next, and nothing by another name", async () => {
    server.scale(1);
    await assert.rejects(open().launch(store(5)), refused("FAILED_PRECONDITION", /next pod is store-1/));
    await assert.rejects(
      open().launch(brandAs<StoreId>("cache-1")),
      refused("FAILED_PRECONDITION", /store-<number>/),
    );
    assert.equal(puts(), 0);
  });

  it("adds several one after the other", async () => {
    server.scale(1);
    const launcher = open();
    await Promise.all([launcher.launch(store(1)), launcher.launch(store(2)), launcher.launch(store(3))]);
    assert.equal(server.replicas, 4);
    assert.equal(puts(), 3);
  });

  it("removes the highest store and resolves when its pod is gone; its volume claim stays", async () => {
    server.scale(3);
    let ended = (): void => undefined;
    const ending = new Promise<void>((resolve) => {
      ended = resolve;
    });
    server.life = { ...server.life, end: () => ending };
    const removed = open().remove(store(2), false);
    await server.watched();
    assert.ok(server.pods.get("store-2")?.metadata?.deletionTimestamp);
    ended();
    await removed;
    assert.deepEqual([...server.pods.keys()], ["store-0", "store-1"]);
    assert.ok(server.claims.has("data-store-2"));
  });

  it("deletes the volume claim with purge, and removing twice is removing once", async () => {
    server.scale(2);
    const launcher = open();
    await launcher.remove(store(1), true);
    assert.deepEqual([...server.claims], ["data-store-0"]);
    await launcher.remove(store(1), true);
    assert.equal(server.replicas, 1);
    assert.equal(puts(), 1);
  });

  it("removes no other than the highest, and says which that is", async () => {
    server.scale(3);
    await assert.rejects(
      open().remove(store(0), false),
      refused("FAILED_PRECONDITION", /only remove its highest pod, store-2/),
    );
    assert.equal(server.replicas, 3);
  });

  it("leaves a scale alone that kubectl has set below the store", async () => {
    server.scale(3);
    server.scale(1);
    await open().remove(store(2), false);
    assert.equal(server.replicas, 1);
    assert.equal(puts(), 0);
  });

  it("decides anew when somebody else scaled meanwhile (409)", async () => {
    server.scale(2);
    // Between its read and its write, kubectl adds the very store.
    server.faults.push({ on: new RegExp(`^PUT ${scalePath}`), with: 409, first: () => server.scale(3) });
    const launcher = open();
    await launcher.launch(store(2));
    assert.equal(server.replicas, 3, "not 4");
    assert.equal(puts(), 1);
    // And a true conflict, by resource version: kubectl adds another store above the one to be removed.
    server.faults.push({
      on: new RegExp(`^PUT ${scalePath}`),
      with: 409,
      message: 'Operation cannot be fulfilled on statefulsets.apps "store": the object has been modified',
      first: () => server.scale(4),
    });
    await assert.rejects(launcher.remove(store(2), false), refused("FAILED_PRECONDITION", /store-3/));
    assert.equal(server.replicas, 4);
  });

  it("never writes over a scale that changed since it was read", async () => {
    server.scale(2);
    let changed = false;
    const launcher = open();
    // The write is lost, and before it is repeated somebody else writes: the server itself refuses the old version.
    server.faults.push({
      on: new RegExp(`^PUT ${scalePath}`),
      with: "drop",
      first: () => {
        changed = true;
        server.scale(2);
      },
    });
    await launcher.launch(store(2));
    assert.ok(changed);
    assert.equal(server.replicas, 3);
    const attempts = server.requests.filter((line) => line.includes(scalePath));
    // GET, PUT dropped, PUT refused with 409 for its old version, GET, PUT.
    assert.deepEqual(
      attempts.map((line) => line.slice(0, 3)),
      ["GET", "PUT", "PUT", "GET", "PUT"],
    );
  });

  it("knows a write that was done though its answer was lost", async () => {
    server.scale(1);
    server.faults.push({ on: /^PUT/, with: "drop", first: () => server.scale(2) });
    await open().launch(store(1));
    assert.equal(server.replicas, 2, "not 3");
  });

  it("waits as long as Retry-After says when it is throttled (429), and asks again", async () => {
    server.scale(1);
    const throttled = { with: 429, headers: { "retry-after": "1" }, message: "too many requests" };
    server.faults.push({ on: /^GET .*scale/, ...throttled }, { on: /^PUT/, ...throttled });
    const beganMs = performance.now();
    await open().launch(store(1));
    assert.ok(performance.now() - beganMs >= 2000, "two waits of a second each");
    assert.equal(server.replicas, 2);
  });

  it("asks again when the server is not well, and gives up with what it said", async () => {
    server.scale(1);
    server.faults.push(
      { on: /^GET/, with: 503, message: "etcd leader changed" },
      { on: /^GET/, with: "drop" },
    );
    const launcher = open(2500);
    await launcher.launch(store(1));
    for (let i = 0; i < 30; i += 1) {
      server.faults.push({ on: /^GET/, with: 500, message: "etcdserver: request timed out" });
    }
    await assert.rejects(
      launcher.launch(store(2)),
      refused("UNAVAILABLE", /does not answer to read the StatefulSet: etcdserver: request timed out/),
    );
    server.faults.length = 0;
  });

  it("says what to fix when it may not, or when there is no StatefulSet", async () => {
    server.scale(1);
    await assert.rejects(
      open(2000, "another").launch(store(1)),
      refused("FAILED_PRECONDITION", /\(401\).*Role/),
    );
    server.faults.push({
      on: /scale$/,
      with: 403,
      message: 'User "master" cannot get resource "statefulsets/scale"',
    });
    await assert.rejects(
      open().launch(store(1)),
      refused("FAILED_PRECONDITION", /\(403\).*cannot get.*Role/),
    );
    server.faults.push({ on: /scale$/, with: 404, message: 'statefulsets.apps "store" not found' });
    await assert.rejects(
      open().launch(store(1)),
      refused("FAILED_PRECONDITION", /not found; check --kubernetes-namespace/),
    );
  });

  it("follows a pod although its watch drops again and again", async () => {
    server.scale(1);
    server.life = { ...server.life, statuses: () => [] };
    const launched = open().launch(store(1));
    for (let drops = 0; drops < 3; drops += 1) {
      await server.watched();
      server.dropWatches();
      await waitFor("the watch to be noticed gone", () => server.watching === 0);
    }
    // What happens while nobody watches is seen by the list.
    server.setStatus("store-1", runningStatus);
    await launched;
  });

  it("lists anew when its version is too old: 410 as an answer, and as an event", async () => {
    server.scale(1);
    server.life = { ...server.life, statuses: () => [] };
    server.faults.push({ on: /watch=true/, with: 410, message: "too old resource version" });
    // The next watch finds that what happened since its list was forgotten meanwhile.
    server.faults.push({ on: /watch=true/, with: "nothing", first: () => server.compact() });
    const launched = open().launch(store(1));
    await server.watched();
    const asked = server.requests.map((line) =>
      line.includes("watch=true") ? "watch" : line.split("/").at(-1),
    );
    assert.deepEqual(
      asked.filter((what) => what === "watch" || what === "pods"),
      ["pods", "watch", "pods", "watch", "pods", "watch"],
    );
    server.setStatus("store-1", runningStatus);
    await launched;
  });

  it("takes a pod away again that cannot start, with the volume claim made for it", async () => {
    server.scale(1);
    server.life = {
      ...server.life,
      statuses: () => [
        waitingStatus("ContainerCreating", ""),
        waitingStatus("ImagePullBackOff", 'image "nope:1"'),
      ],
    };
    await assert.rejects(
      open().launch(store(1)),
      refused("FAILED_PRECONDITION", /pod store-1 cannot start: ImagePullBackOff: image "nope:1"/),
    );
    assert.equal(server.replicas, 1);
    assert.deepEqual([...server.pods.keys()], ["store-0"]);
    assert.deepEqual([...server.claims], ["data-store-0"]);
  });

  it("keeps a claim from before: it may hold data", async () => {
    server.scale(1);
    server.claims.add("data-store-1");
    server.life = { ...server.life, statuses: () => [waitingStatus("CrashLoopBackOff", "back-off 10s")] };
    await assert.rejects(open().launch(store(1)), refused("FAILED_PRECONDITION", /CrashLoopBackOff/));
    assert.ok(server.claims.has("data-store-1"));
  });

  it("gives up on a pod that finds no node in time, with the scheduler's words", async () => {
    server.scale(1);
    const message = "0/3 nodes are available: 3 Insufficient memory.";
    const conditions = [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }];
    server.life = { ...server.life, statuses: () => [{ phase: "Pending", conditions }] };
    await assert.rejects(
      open(1500).launch(store(1)),
      refused(
        "FAILED_PRECONDITION",
        /did not start within 1500 ms: Unschedulable: 0\/3 nodes.*kubectl describe/,
      ),
    );
    assert.equal(server.replicas, 1);
  });

  it("stops waiting when it is closed, and undoes nothing: the next master goes on", async () => {
    server.scale(1);
    server.life = { ...server.life, statuses: () => [] };
    const launcher = open();
    const launched = launcher.launch(store(1));
    await server.watched();
    await Promise.all([
      assert.rejects(launched, refused("UNAVAILABLE", /the master is stopping/)),
      launcher.close({ stopStores: false }),
    ]);
    assert.equal(server.replicas, 2);
    const next = open().launch(store(1));
    await server.watched();
    server.setStatus("store-1", runningStatus);
    await next;
  });

  it("is closed although the API server hangs", async () => {
    server.scale(1);
    server.faults.push({ on: /scale$/, with: "hang" });
    const launcher = open();
    const asked = launcher.scale?.();
    await waitFor("the question", () => server.requests.length > 0);
    await Promise.all([
      assert.rejects(asked ?? Promise.resolve(), refused("UNAVAILABLE", /does not answer/)),
      launcher.close({ stopStores: false }),
    ]);
  });

  it("needs everything that the Role of the manifests allows, and did all of this with nothing else", () => {
    const granted = (rules ?? []).flatMap(({ resources, verbs }) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
    );
    assert.deepEqual([...done].sort(), granted.sort());
  });

  it("refuses a connection that cannot be", () => {
    assert.throws(
      () => readConnection("/nowhere/kubeconfig", ""),
      refused("FAILED_PRECONDITION", /cannot be read/),
    );
    assert.throws(() => readConnection("", ""), refused("FAILED_PRECONDITION", /finds no service account/));
  });
});

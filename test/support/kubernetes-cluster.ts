/** A real Kubernetes cluster, through kubectl, as its user would. */
import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { dump } from "js-yaml";
import { findKubectl, type Manifest, render } from "./manifests.js";
import { waitFor } from "./wait-for.js";

const run = promisify(execFile);

/** Why the tests on a cluster cannot run here; false: they can. Set by scripts/test-kubernetes.sh. */
export const skipped: string | false =
  process.env["EKV_TEST_SKIP"] ??
  (process.env["EKV_TEST_KUBERNETES"] === undefined ? "run it by npm run test:kubernetes" : false);

/** The namespace that the manifests name. */
export const namespace = "elastic-kv";

/** Images under test, where the cluster's nodes find them. */
export const images = {
  master: process.env["EKV_TEST_MASTER_IMAGE"] ?? "elastic-kv-master:dev",
  store: process.env["EKV_TEST_STORE_IMAGE"] ?? "elastic-kv-store:dev",
} as const;

/** A store as `ekv stores --json` shows it, as far as the tests look. */
export interface StoreRow {
  readonly storeId: string;
  readonly alive: boolean;
  readonly partitions: number;
  readonly state: string;
}

const kubectlPath = findKubectl() ?? "kubectl";
const outputBytesMax = 64 * 1024 * 1024;

/** Runs kubectl in the manifests' namespace; returns what it printed. Rejects, with what it said, when its status is not 0. */
export async function kubectl(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(kubectlPath, ["--namespace", namespace, ...args], {
    timeout: 600_000,
    maxBuffer: outputBytesMax,
  });
  return stdout;
}

/** The same with an input; `apply -f -`, for one. */
export function kubectlWithInput(input: string, ...args: readonly string[]): string {
  return execFileSync(kubectlPath, ["--namespace", namespace, ...args], { input, stdio: "pipe" }).toString();
}

/** What kubectl prints as JSON. */
export async function kubectlJson<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl(...args, "--output", "json")) as T;
}

/** A command of `ekv`, run in the master's pod. */
export function ekv(...args: readonly string[]): Promise<string> {
  return kubectl("exec", "master-0", "--", "ekv", ...args);
}

/**
 * An overlay of k8s/ as it is applied, or its objects of one kind: its images are those under test, and EKV_TEST_MANIFEST_FILTER, a command, may change
 * what it gets on standard input, for clusters that lack a field.
 */
export function manifestsOf(overlay: string, kind?: string): string {
  const objects = render(kubectlPath, overlay)
    .filter((object) => kind === undefined || object.kind === kind)
    .map((object) => withImages(object));
  const text = objects.map((object) => dump(object, { noRefs: true })).join("---\n");
  const filter = process.env["EKV_TEST_MANIFEST_FILTER"];
  return filter === undefined ? text : execFileSync(filter, { input: text, shell: true }).toString();
}

function withImages(object: Manifest): Manifest {
  if (object.kind !== "StatefulSet") return object;
  const changed = structuredClone(object) as Manifest & {
    spec: { template: { spec: { containers: { image: string }[] } } };
  };
  for (const container of changed.spec.template.spec.containers) {
    container.image = object.metadata.name === "master" ? images.master : images.store;
  }
  return changed;
}

/** The stores that the master knows. */
export async function stores(): Promise<readonly StoreRow[]> {
  return (JSON.parse(await ekv("stores", "--json")) as { stores: StoreRow[] }).stores;
}

/** Waits until just these stores own the whole ring, each its share, and nothing is under way. */
export async function settled(count: number): Promise<void> {
  await waitFor(
    `${count} stores to share the ring`,
    async () => {
      try {
        const rows = await stores();
        const status = JSON.parse(await ekv("status", "--json")) as {
          operationsActive: number;
          partitionCount: number;
          healthy: boolean;
        };
        const share = status.partitionCount / count;
        return (
          rows.length === count &&
          rows.every(({ alive, partitions }) => alive && Math.abs(partitions - share) <= 1) &&
          status.operationsActive === 0 &&
          status.healthy
        );
      } catch {
        return false; // The master may be away.
      }
    },
    600_000,
    1000,
  );
}

/** Names of what is there of a kind. */
export async function names(kind: string, ...args: readonly string[]): Promise<readonly string[]> {
  const { items } = await kubectlJson<{ items: { metadata: { name: string } }[] }>("get", kind, ...args);
  return items.map(({ metadata }) => metadata.name).sort();
}

/** Waits until a StatefulSet's pods are all of its newest template, and ready. */
export async function rolledOut(set: string): Promise<void> {
  await kubectl("rollout", "status", `statefulset/${set}`, "--timeout=600s");
}

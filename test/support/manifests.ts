/** The Kubernetes manifests as kubectl renders them. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadAll } from "js-yaml";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** An object of a manifest, as far as every one goes. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** A kubectl that renders kustomizations of today: the one that scripts/kubectl.sh brought, else the one on the PATH. */
export function findKubectl(): string | undefined {
  for (const candidate of [`${root}/node_modules/.cache/kubectl/kubectl`, "kubectl"]) {
    if (candidate.includes("/") && !existsSync(candidate)) continue;
    try {
      const text = execFileSync(candidate, ["version", "--client", "--output", "json"], { stdio: "pipe" });
      const { kustomizeVersion = "" } = JSON.parse(text.toString()) as { kustomizeVersion?: string };
      if (/^v([5-9]|\d\d)/.test(kustomizeVersion)) return candidate;
    } catch {
      continue;
    }
  }
  return undefined;
}

/** Renders a folder of k8s/. */
export function render(kubectl: string, folder: string): readonly Manifest[] {
  const text = execFileSync(kubectl, ["kustomize", `${root}/k8s/${folder}`], { stdio: "pipe" }).toString();
  return (loadAll(text) as (Manifest | null)[]).filter((object) => object !== null);
}

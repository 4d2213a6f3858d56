import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type {
  V1ConfigMap,
  V1Container,
  V1NetworkPolicy,
  V1PodDisruptionBudget,
  V1Service,
  V1StatefulSet,
} from "@kubernetes/client-node";
import { masterSettings } from "../../services/master/settings.js";
import { serverFlags } from "../../services/runtime/server-flags.js";
import { environmentName, loadSettings, type SettingsSchema } from "../../services/runtime/settings.js";
import { leaveSettings } from "../../services/store/leave/settings.js";
import { storeSettings } from "../../services/store/settings.js";
import { findKubectl, type Manifest, render } from "../support/manifests.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const overlays = ["overlays/dev", "overlays/production", "overlays/autoscaled"];

interface Validated {
  validate(): void;
}

/** Checks an object against the schema of its kind; throws what is wrong. Unknown fields pass. */
async function validate(object: Manifest): Promise<void> {
  const module = (await import(`kubernetes-models/${object.apiVersion}/${object.kind}`)) as Record<
    string,
    new (data: unknown) => Validated
  >;
  const model = module[object.kind];
  assert.ok(model, `${object.apiVersion} ${object.kind} is known`);
  new model(object).validate();
}

/** What the types of the same schemas say, which know every field: the compiler's messages. */
function typeErrors(objects: readonly Manifest[]): string {
  mkdirSync(join(root, "node_modules/.cache"), { recursive: true });
  const folder = mkdtempSync(join(root, "node_modules/.cache/manifests-"));
  try {
    const lines = objects.flatMap((object, index) => [
      `import type { I${object.kind} as K${index} } from "kubernetes-models/${object.apiVersion}/${object.kind}";`,
      `export const object${index}: K${index} = ${JSON.stringify(object)};`,
    ]);
    writeFileSync(join(folder, "manifests.ts"), `${lines.join("\n")}\n`);
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const flags = [
      "--ignoreConfig",
      "--noEmit",
      "--strict",
      "--skipLibCheck",
      "--module",
      "nodenext",
      "--target",
      "es2023",
    ];
    execFileSync(join(root, "node_modules/.bin/tsc"), [...flags, "--types", "node", "manifests.ts"], {
      cwd: folder,
      stdio: "pipe",
    });
    return "";
  } catch (error) {
    if (error instanceof Error && "stdout" in error) return String(error.stdout);
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function one<T>(objects: readonly Manifest[], kind: string, name: string): T {
  const found = objects.filter((object) => object.kind === kind && object.metadata.name === name);
  assert.equal(found.length, 1, `one ${kind} ${name}`);
  return found[0] as unknown as T;
}

function containerOf(set: V1StatefulSet): V1Container {
  const containers = set.spec?.template.spec?.containers ?? [];
  assert.equal(containers.length, 1);
  return containers[0]!;
}

/** A container's environment, as far as the manifests alone give it: a field of the pod stands for itself. */
function environmentOf(objects: readonly Manifest[], container: V1Container): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const { configMapRef } of container.envFrom ?? []) {
    Object.assign(environment, one<V1ConfigMap>(objects, "ConfigMap", configMapRef?.name ?? "").data);
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const plain = value?.replace(/\$\((\w+)\)/g, (_, other: string) => environment[other] ?? "");
    environment[name] =
      plain ?? (valueFrom?.fieldRef?.fieldPath === "metadata.name" ? "store-0" : "elastic-kv");
  }
  return environment;
}

function requireKnown(environment: Record<string, string>, ...schemas: readonly SettingsSchema[]): void {
  const known = schemas.flatMap((schema) => Object.values(schema).map(({ flag }) => environmentName(flag)));
  const unknown = Object.keys(environment).filter((name) => name.startsWith("EKV_") && !known.includes(name));
  assert.deepEqual(unknown, []);
}

const kubectl = findKubectl();
const missing =
  kubectl === undefined && "there is no kubectl with kustomize 5: bash scripts/kubectl.sh brings one";
if (process.env["CI"] === "true") assert.equal(missing, false, String(missing));

describe("the Kubernetes manifests", { skip: missing }, () => {
  const rendered = new Map(
    overlays.map((overlay) => [overlay, kubectl === undefined ? [] : render(kubectl, overlay)]),
  );

  it("are refused by these checks when a field is wrong, or unknown", async () => {
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "s" },
      spec: { ports: [{ port: 1 }] },
    };
    await validate(service);
    await assert.rejects(validate({ ...service, spec: { ports: [{ port: "one" }] } } as Manifest), /port/);
    assert.equal(typeErrors([service]), "");
    assert.match(typeErrors([{ ...service, spec: { portz: [] } } as Manifest]), /portz/);
  });

  for (const overlay of overlays) {
    const objects = rendered.get(overlay) ?? [];

    describe(overlay, () => {
      it("holds to the schemas of Kubernetes, with no field that they do not know", async () => {
        assert.ok(objects.length >= 14, `${objects.length} objects`);
        for (const object of objects) await validate(object);
        assert.equal(typeErrors(objects), "");
      });

      it("gives settings that master, store and hook take", () => {
        const master = environmentOf(objects, containerOf(one(objects, "StatefulSet", "master")));
        requireKnown(master, masterSettings);
        const { values } = loadSettings(masterSettings, { argv: [], env: master });
        assert.equal(values.launcher, "kubernetes");
        assert.equal(values.createIfMissing, true);
        assert.equal(values.kubernetesStatefulSet, "store");
        const store = environmentOf(objects, containerOf(one(objects, "StatefulSet", "store")));
        requireKnown(store, storeSettings, leaveSettings);
        const own = loadSettings(storeSettings, { argv: [], env: store }).values;
        assert.equal(
          own.advertise,
          "auto",
          "a name would lead to where the pod was, for as long as it is cached",
        );
        assert.deepEqual(own.masters, [values.advertise]);
        assert.equal(own.drainOnStop, false, "a restart must not drain: the hook tells the two apart");
        const set = one<V1StatefulSet>(objects, "StatefulSet", "store");
        if (overlay !== "overlays/autoscaled") assert.ok((set.spec?.replicas ?? 0) >= values.initialStores);
      });

      it("gives the hook, and then the store, the time that they may take", () => {
        const set = one<V1StatefulSet>(objects, "StatefulSet", "store");
        const container = containerOf(set);
        const environment = environmentOf(objects, container);
        const { shutdownGraceMs } = loadSettings(storeSettings, { argv: [], env: environment }).values;
        const { leaveWaitMs } = loadSettings(leaveSettings, { argv: [], env: environment }).values;
        const graceMs = (set.spec?.template.spec?.terminationGracePeriodSeconds ?? 0) * 1000;
        assert.ok(graceMs >= leaveWaitMs + shutdownGraceMs + 30_000, `${graceMs} ms`);
        const command = container.lifecycle?.preStop?.exec?.command ?? [];
        assert.equal(command[0], "/usr/local/bin/node");
        // Where the image has it; see the entry point of Dockerfile.store.
        assert.match(command[1] ?? "", /^\/app\/dist\//);
        assert.ok(existsSync(join(root, (command[1] ?? "").slice("/app".length))), command[1]);
      });

      it("probes the gRPC health service at the ports that are listened on", () => {
        for (const name of ["master", "store"]) {
          const container = containerOf(one(objects, "StatefulSet", name));
          const port = Number(environmentOf(objects, container)["EKV_PORT"]);
          assert.equal(container.ports?.[0]?.containerPort, port);
          for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
            assert.equal(probe?.grpc?.port, port);
          }
        }
      });

      it("keeps to the restricted profile, with a read-only root and bounded resources", () => {
        for (const name of ["master", "store"]) {
          const set = one<V1StatefulSet>(objects, "StatefulSet", name);
          const pod = set.spec?.template.spec;
          const { securityContext, resources, volumeMounts } = containerOf(set);
          assert.equal(pod?.securityContext?.runAsNonRoot, true);
          const image = readFileSync(join(root, `Dockerfile.${name}`), "utf8");
          const user = pod.securityContext.runAsUser;
          assert.match(image, new RegExp(`^USER ${user}:${pod.securityContext.runAsGroup}$`, "m"));
          const program = ["/usr/local/bin/node", ...serverFlags, `/app/dist/services/${name}/main.js`];
          assert.deepEqual(
            JSON.parse(/^ENTRYPOINT (\[[^\]]*\])/m.exec(image.replaceAll("\\\n", ""))?.[1] ?? "[]"),
            program,
          );
          assert.equal(pod?.securityContext?.seccompProfile?.type, "RuntimeDefault");
          assert.equal(securityContext?.allowPrivilegeEscalation, false);
          assert.equal(securityContext?.readOnlyRootFilesystem, true);
          assert.deepEqual(securityContext?.capabilities, { drop: ["ALL"] });
          for (const what of ["cpu", "memory"]) {
            assert.ok(resources?.requests?.[what] && resources.limits?.[what], `${name}: ${what}`);
          }
          assert.deepEqual(
            set.spec?.volumeClaimTemplates?.map(({ metadata }) => metadata?.name),
            ["data"],
          );
          assert.ok(
            volumeMounts?.some(({ name: volume, mountPath }) => volume === "data" && mountPath === "/data"),
          );
        }
      });

      it("lets the API be asked by the master alone", () => {
        assert.equal(
          one<V1StatefulSet>(objects, "StatefulSet", "store").spec?.template.spec
            ?.automountServiceAccountToken,
          false,
        );
        const bindings = objects.filter(({ kind }) => kind.endsWith("RoleBinding"));
        assert.deepEqual(
          bindings.flatMap((binding) =>
            (binding as unknown as { subjects: { name: string }[] }).subjects.map(({ name }) => name),
          ),
          ["master"],
        );
      });

      it("selects what it means to, by labels, ports and names", () => {
        const labels = (name: string): Record<string, string> =>
          one<V1StatefulSet>(objects, "StatefulSet", name).spec?.template.metadata?.labels ?? {};
        const selects = (selector: Record<string, string> | undefined, name: string): boolean =>
          Object.entries(selector ?? { none: "" }).every(([key, value]) => labels(name)[key] === value);
        for (const [service, set, port] of [
          ["master", "master", 7400],
          ["store", "store", 7401],
          ["elastic-kv", "store", 7401],
        ] as const) {
          const { spec } = one<V1Service>(objects, "Service", service);
          assert.ok(
            selects(spec?.selector, set) && !selects(spec?.selector, set === "store" ? "master" : "store"),
          );
          assert.equal(spec?.ports?.[0]?.port, port);
        }
        const headless = one<V1Service>(objects, "Service", "store").spec;
        assert.equal(headless?.clusterIP, "None");
        assert.equal(headless?.publishNotReadyAddresses, true);
        for (const name of ["master", "store"]) {
          const { spec } = one<V1StatefulSet>(objects, "StatefulSet", name);
          assert.ok(selects(spec?.selector.matchLabels, name));
          assert.equal(spec?.serviceName, name);
          const policy = one<V1NetworkPolicy>(objects, "NetworkPolicy", name).spec;
          assert.ok(selects(policy?.podSelector?.matchLabels, name));
          const port = containerOf(one(objects, "StatefulSet", name)).ports?.[0]?.containerPort;
          assert.deepEqual(
            policy?.ingress?.[0]?.ports?.map(({ port: open }) => open),
            [port],
          );
        }
        const budget = one<V1PodDisruptionBudget>(objects, "PodDisruptionBudget", "store").spec;
        assert.ok(selects(budget?.selector?.matchLabels, "store"));
        assert.equal(budget?.maxUnavailable, 1);
        for (const { labelSelector } of one<V1StatefulSet>(objects, "StatefulSet", "store").spec?.template
          .spec?.topologySpreadConstraints ?? []) {
          assert.ok(selects(labelSelector?.matchLabels, "store"));
        }
      });
    });
  }

  it("leave the number of stores to the autoscaler where there is one", () => {
    const objects = rendered.get("overlays/autoscaled") ?? [];
    assert.equal(one<V1StatefulSet>(objects, "StatefulSet", "store").spec?.replicas, undefined);
    assert.ok(one(objects, "HorizontalPodAutoscaler", "store"));
  });
});

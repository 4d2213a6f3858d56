/** A checked load that runs in the cluster: stores are reached by names and addresses that only it knows. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dump } from "js-yaml";
import { images, kubectl, kubectlWithInput } from "./kubernetes-cluster.js";
import type { LoadReport } from "./checked-load.js";
import { waitFor } from "./wait-for.js";

const script = (name: string): string => readFileSync(fileURLToPath(new URL(name, import.meta.url)), "utf8");
const scripts = ["checked-load.js", "load-main.js"];

/** What the pod says of its load: from time to time, and at its end the report. */
interface Said extends Partial<LoadReport> {
  readonly calls: number;
  readonly ended?: boolean;
}

/** A pod of the master's image, which has the SDK, that keeps calling and checks every answer. */
export class LoadPod {
  readonly #name: string;

  private constructor(name: string) {
    this.#name = name;
  }

  /** Starts one and waits for its first calls. Its deadline is the SDK's, unless another is given. */
  static async start(name: string, deadlineMs = 10_000): Promise<LoadPod> {
    const data = Object.fromEntries(scripts.map((file) => [file, script(file)]));
    const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "load" }, data };
    kubectlWithInput(
      [map, podOf(name, deadlineMs)].map((object) => dump(object)).join("---\n"),
      "apply",
      "-f",
      "-",
    );
    const pod = new LoadPod(name);
    await waitFor("the load's first calls", async () => (await pod.#last())?.calls, 180_000, 1000);
    return pod;
  }

  /** Ends the load, which reads every key once more. Returns what it saw. */
  async stop(): Promise<LoadReport> {
    await kubectl("exec", this.#name, "--", "/usr/local/bin/node", "-e", "process.kill(1, 'SIGTERM')");
    const report = await waitFor(
      "the load's report",
      async () => {
        const said = await this.#last();
        return said?.ended === true && said;
      },
      180_000,
      500,
    );
    await kubectl("delete", "pod", this.#name, "--wait=false");
    const { calls, unknown = 0, failures = [], wrong = [], slowestMs = 0 } = report;
    return { calls, unknown, failures, wrong, slowestMs };
  }

  async #last(): Promise<Said | undefined> {
    try {
      const lines = (await kubectl("logs", this.#name, "--tail=1")).trim();
      return lines === "" ? undefined : (JSON.parse(lines) as Said);
    } catch {
      return undefined; // It has not begun.
    }
  }
}

function podOf(name: string, deadlineMs: number): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { "elastic-kv/client": "true" } },
    spec: {
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 10001,
        runAsGroup: 10001,
        seccompProfile: { type: "RuntimeDefault" },
      },
      containers: [
        {
          name: "load",
          image: images.master,
          imagePullPolicy: "IfNotPresent",
          command: ["/usr/local/bin/node", "/app/dist/test/support/load-main.js"],
          env: [
            { name: "EKV_SEEDS", value: "elastic-kv:7401,master:7400" },
            { name: "EKV_DEADLINE_MS", value: String(deadlineMs) },
            { name: "EKV_PREFIX", value: name },
          ],
          resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "1", memory: "256Mi" } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
          // One by one: a folder of a ConfigMap is links, and modules are looked for beside what a link leads to.
          volumeMounts: scripts.map((file) => ({
            name: "load",
            mountPath: `/app/dist/test/support/${file}`,
            subPath: file,
          })),
        },
      ],
      volumes: [{ name: "load", configMap: { name: "load" } }],
    },
  };
}

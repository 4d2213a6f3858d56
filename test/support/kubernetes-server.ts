/** A Kubernetes API server and StatefulSet controller as small as the launcher's calls, on the API's own wire format. */
import { type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { V1Pod, V1PodStatus } from "@kubernetes/client-node";
import { waitFor } from "./wait-for.js";

/** What happens to one request. */
export interface Fault {
  /** Matches `<method> <path>`. */
  readonly on: RegExp;
  /** `drop`: the connection is cut; `hang`: no answer at all; `nothing`: its answer; else an HTTP status with a Status. */
  readonly with: "drop" | "hang" | "nothing" | number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly message?: string;
  /** Something that happens just before. */
  readonly first?: () => void;
}

/** How the pods of the StatefulSet fare. */
export interface PodLife {
  /** The statuses that a new pod goes through. */
  statuses(name: string): readonly V1PodStatus[];
  /** Resolves when a pod that is told to end may be gone. */
  end(name: string): Promise<void>;
}

/** A rule of a Role. */
export interface AccessRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

export const runningStatus: V1PodStatus = {
  phase: "Running",
  containerStatuses: [
    {
      ...{
        name: "store",
        image: "elastic-kv-store",
        imageID: "",
        ready: false,
        restartCount: 0,
        started: true,
      },
      state: { running: {} },
    },
  ],
};

/** A pod's status whose container waits. */
export function waitingStatus(reason: string, message: string): V1PodStatus {
  const container = { name: "store", image: "elastic-kv-store", imageID: "", ready: false, restartCount: 0 };
  return {
    phase: "Pending",
    containerStatuses: [{ ...container, started: false, state: { waiting: { reason, message } } }],
  };
}

interface Watcher {
  readonly response: ServerResponse;
  readonly name: string | undefined;
}

const reasons: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  429: "TooManyRequests",
  500: "InternalError",
};

export class KubernetesServer {
  readonly namespace = "elastic-kv";
  readonly statefulSet = "store";
  readonly token = "token-of-the-launcher";
  /** `<method> <path>` of every request, with its query for a watch. */
  readonly requests: string[] = [];
  readonly faults: Fault[] = [];
  readonly pods = new Map<string, V1Pod>();
  readonly claims = new Set<string>();
  life: PodLife = { statuses: () => [{ phase: "Pending" }, runningStatus], end: () => Promise.resolve() };
  /** What the token may do: everything, unless rules are given. */
  rules: readonly AccessRule[] | undefined;
  /** `<verb> <resource>` of everything that was allowed. */
  readonly allowed = new Set<string>();
  replicas = 0;
  readonly #server: Server;
  readonly #watchers = new Set<Watcher>();
  readonly #events: { readonly version: number; readonly type: string; readonly pod: V1Pod }[] = [];
  #version = 100;
  #scaleVersion = 100;
  #oldestVersion = 0;

  constructor(tls: { readonly key: string; readonly cert: string }) {
    this.#server = createServer(tls, (request, response) => {
      void this.#answer(request, response);
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get url(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  get watching(): number {
    return this.#watchers.size;
  }

  /** What `kubectl scale statefulset` does. Pods come and go on their own, as with podManagementPolicy Parallel. */
  scale(replicas: number): void {
    this.replicas = replicas;
    this.#scaleVersion = this.#nextVersion();
    for (let number = 0; number < replicas; number += 1) this.#create(`${this.statefulSet}-${number}`);
    for (const name of this.pods.keys()) {
      if (Number(name.slice(this.statefulSet.length + 1)) >= replicas) void this.#end(name);
    }
  }

  /** What `kubectl delete pod` does, and a rolling update: the StatefulSet makes it anew. */
  async restartPod(name: string): Promise<void> {
    await this.#end(name);
  }

  /** Changes a pod as the kubelet does. */
  setStatus(name: string, status: V1PodStatus): void {
    const pod = this.pods.get(name);
    if (pod) this.#put("MODIFIED", { ...pod, status });
  }

  /** Cuts every open watch off. */
  dropWatches(): void {
    for (const { response } of this.#watchers) response.socket?.destroy();
  }

  /** Forgets events: a watch from before now is told 410 Gone. */
  compact(): void {
    this.#oldestVersion = this.#nextVersion();
  }

  #nextVersion(): number {
    this.#version += 1;
    return this.#version;
  }

  #put(type: string, pod: V1Pod): void {
    const version = this.#nextVersion();
    const stored: V1Pod = {
      ...pod,
      metadata: { ...pod.metadata, resourceVersion: String(version) },
    };
    const name = pod.metadata?.name ?? "";
    if (type === "DELETED") this.pods.delete(name);
    else this.pods.set(name, stored);
    this.#events.push({ version, type, pod: stored });
    for (const watcher of this.#watchers) this.#tell(watcher, type, stored);
  }

  #create(name: string): void {
    if (this.pods.has(name)) return;
    this.claims.add(`data-${name}`);
    const metadata = { name, namespace: this.namespace, labels: { app: "store" } };
    this.#put("ADDED", { apiVersion: "v1", kind: "Pod", metadata, status: { phase: "Pending" } });
    void (async () => {
      for (const status of this.life.statuses(name)) {
        await new Promise((resolve) => setImmediate(resolve));
        this.setStatus(name, status);
      }
    })();
  }

  async #end(name: string): Promise<void> {
    const pod = this.pods.get(name);
    if (!pod || pod.metadata?.deletionTimestamp) return;
    this.#put("MODIFIED", { ...pod, metadata: { ...pod.metadata, deletionTimestamp: new Date(0) } });
    await this.life.end(name);
    const last = this.pods.get(name);
    if (last) this.#put("DELETED", last);
    if (Number(name.slice(this.statefulSet.length + 1)) < this.replicas) this.#create(name);
  }

  #tell({ response, name }: Watcher, type: string, pod: V1Pod): void {
    if (name === undefined || name === pod.metadata?.name) send(response, { type, object: pod });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    const watch = url.searchParams.get("watch") === "true";
    const line = `${request.method ?? ""} ${watch ? (request.url ?? "") : url.pathname}`;
    this.requests.push(line);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString("utf8");
    const at = this.faults.findIndex(({ on }) => on.test(line));
    const fault = at < 0 ? undefined : this.faults.splice(at, 1)[0];
    fault?.first?.();
    if (fault && fault.with !== "nothing") return spoil(response, fault);
    if (request.headers.authorization !== `Bearer ${this.token}`)
      return refuse(response, 401, "Unauthorized");
    const denied = this.#denies(request.method ?? "", url.pathname, watch);
    if (denied !== undefined) return refuse(response, 403, denied);
    const { namespace, statefulSet } = this;
    const apps = `/apis/apps/v1/namespaces/${namespace}/statefulsets/${statefulSet}`;
    const core = `/api/v1/namespaces/${namespace}`;
    const claim = new RegExp(`^${core}/persistentvolumeclaims/([a-z0-9-]+)$`).exec(url.pathname)?.[1];
    if (line === `GET ${apps}/scale`) return reply(response, this.#scaleObject());
    if (line === `PUT ${apps}/scale`) return this.#putScale(response, body);
    if (line === `GET ${apps}`) return reply(response, this.#statefulSetObject());
    if (url.pathname === `${core}/pods`) return this.#answerPods(response, url.searchParams, watch);
    if (claim !== undefined) return this.#answerClaim(response, request.method ?? "", claim);
    return refuse(response, 404, `the server could not find the requested resource: ${line}`);
  }

  /** Why the rules do not allow a request, if so. */
  #denies(method: string, path: string, watch: boolean): string | undefined {
    const parts =
      /^\/apis?\/(?:([a-z]+)\/)?v1\/namespaces\/[^/]+\/([a-z]+)(?:\/([^/]+))?(?:\/([a-z]+))?$/.exec(path);
    if (this.rules === undefined || !parts) return undefined;
    const [, group = "", plural = "", name, subresource] = parts;
    const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
    const read = watch ? "watch" : name === undefined ? "list" : "get";
    const verb = { GET: read, PUT: "update", DELETE: "delete" }[method] ?? method.toLowerCase();
    const isAllowed = this.rules.some(
      (rule) =>
        rule.apiGroups.includes(group) &&
        rule.resources.includes(resource) &&
        rule.verbs.includes(verb) &&
        (rule.resourceNames?.includes(name ?? "") ?? true),
    );
    if (!isAllowed) return `User "launcher" cannot ${verb} resource "${resource}" in API group "${group}"`;
    this.allowed.add(`${verb} ${resource}`);
    return undefined;
  }

  #scaleObject(): unknown {
    return {
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      metadata: {
        name: this.statefulSet,
        namespace: this.namespace,
        resourceVersion: String(this.#scaleVersion),
      },
      spec: { replicas: this.replicas },
      status: { replicas: this.pods.size, selector: "app=store" },
    };
  }

  #statefulSetObject(): unknown {
    return {
      kind: "StatefulSet",
      apiVersion: "apps/v1",
      metadata: { name: this.statefulSet, namespace: this.namespace },
      spec: { replicas: this.replicas, volumeClaimTemplates: [{ metadata: { name: "data" } }] },
    };
  }

  #putScale(response: ServerResponse, body: string): void {
    const scale = JSON.parse(body) as {
      metadata?: { resourceVersion?: string };
      spec?: { replicas?: number };
    };
    if (scale.metadata?.resourceVersion !== String(this.#scaleVersion)) {
      const message =
        `Operation cannot be fulfilled on statefulsets.apps "${this.statefulSet}": the object has been modified; ` +
        "please apply your changes to the latest version and try again";
      return refuse(response, 409, message);
    }
    this.scale(scale.spec?.replicas ?? 0);
    reply(response, this.#scaleObject());
  }

  #answerPods(response: ServerResponse, query: URLSearchParams, watch: boolean): void {
    const name = /^metadata\.name=(.+)$/.exec(query.get("fieldSelector") ?? "")?.[1];
    if (!watch) {
      const items = [...this.pods.values()].filter(
        (pod) => name === undefined || pod.metadata?.name === name,
      );
      const metadata = { resourceVersion: String(this.#version) };
      return reply(response, { kind: "PodList", apiVersion: "v1", metadata, items });
    }
    const from = Number(query.get("resourceVersion"));
    response.writeHead(200, { "content-type": "application/json" });
    if (from < this.#oldestVersion) {
      send(response, { type: "ERROR", object: status(410, `too old resource version: ${from}`) });
      response.end();
      return;
    }
    const watcher = { response, name };
    this.#watchers.add(watcher);
    response.on("close", () => this.#watchers.delete(watcher));
    response.flushHeaders();
    const timeout = setTimeout(() => response.end(), Number(query.get("timeoutSeconds") ?? 60) * 1000);
    response.on("close", () => clearTimeout(timeout));
    for (const { version, type, pod } of this.#events) if (version > from) this.#tell(watcher, type, pod);
  }

  #answerClaim(response: ServerResponse, method: string, name: string): void {
    if (!this.claims.has(name)) return refuse(response, 404, `persistentvolumeclaims "${name}" not found`);
    if (method === "DELETE") this.claims.delete(name);
    const metadata = { name, namespace: this.namespace };
    reply(response, { kind: "PersistentVolumeClaim", apiVersion: "v1", metadata });
  }

  /** Waits until somebody watches. */
  async watched(): Promise<void> {
    await waitFor("a watch", () => this.watching > 0);
  }
}

function spoil(response: ServerResponse, fault: Fault): void {
  if (fault.with === "drop") response.socket?.destroy();
  else if (typeof fault.with === "number") refuse(response, fault.with, fault.message ?? "", fault.headers);
}

function status(code: number, message: string): unknown {
  const reason = reasons[code] ?? "Unknown";
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code };
}

function send(response: ServerResponse, event: unknown): void {
  response.write(`${JSON.stringify(event)}\n`);
}

function reply(response: ServerResponse, object: unknown): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(object));
}

function refuse(
  response: ServerResponse,
  code: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(code, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(status(code, message)));
}

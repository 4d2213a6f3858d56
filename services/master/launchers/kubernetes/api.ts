import {
  AppsV1Api,
  CoreV1Api,
  createConfiguration,
  ServerConfiguration,
  type V1Pod,
  type V1PodList,
  type V1Scale,
  Watch,
} from "@kubernetes/client-node";
import { backoffs } from "../../../core/limits.js";
import type { Clock } from "../../../core/ports/clock.js";
import type { Random } from "../../../core/ports/random.js";
import { Backoff } from "../../../core/retry/backoff.js";
import type { KubernetesConnection } from "./connection.js";
import { isTransient, refusalError, refusalOf } from "./refusal.js";

const callTimeoutMs = 10_000;

/** How the API is called. */
export interface KubernetesApiOptions {
  readonly connection: KubernetesConnection;
  /** The StatefulSet's name. */
  readonly statefulSet: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Ends every call and every wait. */
  readonly signal: AbortSignal;
}

/**
 * The few calls of the Kubernetes API that the launcher makes, about one StatefulSet. A call that is refused for the moment
 * (429, with what Retry-After says; 5xx; no answer in 10 s) is made again until `endMs` of the clock; then it rejects with
 * `UNAVAILABLE`, and with `FAILED_PRECONDITION` when asking again cannot help.
 */
export class KubernetesApi {
  readonly #options: KubernetesApiOptions;
  readonly #apps: AppsV1Api;
  readonly #core: CoreV1Api;
  readonly #watch: Watch;

  constructor(options: KubernetesApiOptions) {
    this.#options = options;
    const { config } = options.connection;
    const configuration = createConfiguration({
      baseServer: new ServerConfiguration(config.getCurrentCluster()?.server ?? "", {}),
      authMethods: { default: config },
      promiseMiddleware: [
        {
          pre: (context) => {
            context.setSignal(AbortSignal.any([options.signal, AbortSignal.timeout(callTimeoutMs)]));
            return Promise.resolve(context);
          },
          post: (context) => Promise.resolve(context),
        },
      ],
    });
    this.#apps = new AppsV1Api(configuration);
    this.#core = new CoreV1Api(configuration);
    this.#watch = new Watch(config);
  }

  get #named(): { readonly name: string; readonly namespace: string } {
    return { name: this.#options.statefulSet, namespace: this.#options.connection.namespace };
  }

  readScale(endMs: number): Promise<V1Scale> {
    return this.#repeat("read the StatefulSet's scale", endMs, () =>
      this.#apps.readNamespacedStatefulSetScale(this.#named),
    );
  }

  /** Changes the number of replicas, unless the scale was changed since it was read: then false. */
  writeScale(scale: V1Scale, replicas: number, endMs: number): Promise<boolean> {
    const { metadata = {} } = scale;
    const body: V1Scale = { apiVersion: "autoscaling/v1", kind: "Scale", metadata, spec: { replicas } };
    return this.#repeat("scale the StatefulSet", endMs, async () => {
      try {
        await this.#apps.replaceNamespacedStatefulSetScale({ ...this.#named, body });
        return true;
      } catch (error) {
        if (refusalOf(error).status === 409) return false;
        throw error;
      }
    });
  }

  /** Names of the volume claims of one of the StatefulSet's pods, whether they exist or not. */
  async claimNames(pod: string, endMs: number): Promise<readonly string[]> {
    const { spec } = await this.#repeat("read the StatefulSet", endMs, () =>
      this.#apps.readNamespacedStatefulSet(this.#named),
    );
    return (spec?.volumeClaimTemplates ?? []).map(({ metadata }) => `${metadata?.name ?? ""}-${pod}`);
  }

  claimExists(name: string, endMs: number): Promise<boolean> {
    const { namespace } = this.#named;
    return this.#repeat(`read volume claim ${name}`, endMs, () =>
      untilMissing(() => this.#core.readNamespacedPersistentVolumeClaim({ name, namespace })),
    );
  }

  /** Deletes a volume claim, if it exists. */
  async deleteClaim(name: string, endMs: number): Promise<void> {
    const { namespace } = this.#named;
    await this.#repeat(`delete volume claim ${name}`, endMs, () =>
      untilMissing(() => this.#core.deleteNamespacedPersistentVolumeClaim({ name, namespace })),
    );
  }

  /** Pods by label, or by name. */
  listPods(
    select: { readonly labelSelector: string } | { readonly fieldSelector: string },
    endMs: number,
  ): Promise<V1PodList> {
    const { namespace } = this.#named;
    return this.#repeat("list pods", endMs, () => this.#core.listNamespacedPod({ namespace, ...select }));
  }

  /**
   * Watches one pod from a list's resource version on. Resolves when `onPod` says that it has seen enough, or when the watch
   * ends for whatever reason: after `timeoutMs`, a dropped connection, a version that is too old (410). Then list again.
   */
  async watchPod(
    pod: string,
    resourceVersion: string,
    timeoutMs: number,
    onPod: (pod: V1Pod | undefined) => boolean,
  ): Promise<void> {
    const { signal, clock, connection } = this.#options;
    const over = new AbortController();
    const end = (): void => over.abort();
    const timeoutSeconds = Math.max(1, Math.ceil(timeoutMs / 1000));
    // The server ends it too, unless the connection died without a word.
    const timer = clock.setTimer(timeoutMs, end);
    signal.addEventListener("abort", end);
    const path = `/api/v1/namespaces/${encodeURIComponent(connection.namespace)}/pods`;
    const query = { fieldSelector: `metadata.name=${pod}`, resourceVersion, timeoutSeconds };
    const onEvent = (type: string, object: V1Pod): void => {
      if (type === "ERROR") end();
      else if (!over.signal.aborted && onPod(type === "DELETED" ? undefined : object)) end();
    };
    // One that is answered when nobody waits for it any more is ended then.
    this.#watch
      .watch(path, query, onEvent, end)
      .then((request) => aborted(over.signal).then(() => request.abort()))
      .catch(end);
    await aborted(over.signal);
    timer.cancel();
    signal.removeEventListener("abort", end);
  }

  async #repeat<T>(what: string, endMs: number, call: () => Promise<T>): Promise<T> {
    const { clock, random, signal } = this.#options;
    const backoff = new Backoff(backoffs.kubernetesApi, random);
    for (;;) {
      try {
        return await call();
      } catch (error) {
        const refusal = refusalOf(error);
        const waitMs = backoff.failed(refusal.retryAfterMs);
        const again = isTransient(refusal) && !signal.aborted && clock.nowMs() + waitMs < endMs;
        if (!again) throw refusalError(refusal, what, error);
        await this.pause(waitMs);
      }
    }
  }

  /** Waits, or until everything is ended. */
  async pause(ms: number): Promise<void> {
    const over = new AbortController();
    const timer = this.#options.clock.setTimer(ms, () => over.abort());
    await aborted(AbortSignal.any([over.signal, this.#options.signal]));
    timer.cancel();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Whether a thing was there to be called about. */
async function untilMissing(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    if (refusalOf(error).status === 404) return false;
    throw error;
  }
}

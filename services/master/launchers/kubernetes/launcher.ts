import type { V1Pod } from "@kubernetes/client-node";
import { EkvError } from "../../../core/errors.js";
import { brandAs, type StoreId } from "../../../core/ids.js";
import { storeName } from "../../../core/master/options.js";
import { numberOf } from "../../../core/master/scaling.js";
import type { Clock } from "../../../core/ports/clock.js";
import type { LaunchedStore, Launcher, StoreScale } from "../../../core/ports/launcher.js";
import type { Random } from "../../../core/ports/random.js";
import type { Logger } from "../../../runtime/log.js";
import { KubernetesApi } from "./api.js";
import type { KubernetesConnection } from "./connection.js";
import { decidePodStart, isRunning, type PodStart } from "./pod-state.js";

/** How long a question of an operator or a store may take. */
const questionMs = 8_000;
/** How long one watch may last before pods are listed anew. */
const watchMs = 60_000;
/** Between a watch that ended by itself and the next list. */
const relistPauseMs = 250;

/** How stores are run as the pods of a StatefulSet. */
export interface KubernetesLauncherOptions {
  readonly connection: KubernetesConnection;
  /** Its pods, and so the stores, are named `<statefulSet>-0`, `<statefulSet>-1`, … */
  readonly statefulSet: string;
  /** How long a pod may take to start or to end, in milliseconds. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Pick<Logger, "info" | "warn">;
}

function refuse(message: string): EkvError {
  return new EkvError("FAILED_PRECONDITION", message, { notExecuted: true });
}

class KubernetesLauncher implements Launcher {
  readonly name = "kubernetes";
  readonly #options: KubernetesLauncherOptions;
  readonly #api: KubernetesApi;
  readonly #closing = new AbortController();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: KubernetesLauncherOptions) {
    this.#options = options;
    this.#api = new KubernetesApi({ ...options, signal: this.#closing.signal });
  }

  async scale(): Promise<StoreScale> {
    const scale = await this.#api.readScale(this.#soon());
    return { prefix: this.#options.statefulSet, wanted: scale.spec?.replicas ?? 0 };
  }

  launch(storeId: StoreId): Promise<LaunchedStore> {
    return this.#inTurn(async () => {
      const number = this.#numberOf(storeId);
      const endMs = this.#endMs();
      const claims = await this.#missingClaims(storeId, endMs);
      const grown = await this.#changeScale(endMs, (wanted) => {
        if (number < wanted) return undefined;
        if (number === wanted) return number + 1;
        const next = storeName(this.#options.statefulSet, wanted);
        throw refuse(`the StatefulSet's next pod is ${next}: ${storeId} can only be added after it`);
      });
      const isDecided = (pod: V1Pod | undefined): boolean => decidePodStart(pod).kind !== "waiting";
      const start = decidePodStart(await this.#untilPod(storeId, endMs, isDecided));
      if (start.kind === "started") return { storeId, running: true, handle: `pod ${storeId}` };
      this.#requireOpen();
      if (grown) await this.#undoLaunch(storeId, number, claims);
      throw this.#launchError(storeId, start);
    });
  }

  remove(storeId: StoreId, purge: boolean): Promise<void> {
    return this.#inTurn(async () => {
      const number = numberOf({ prefix: this.#options.statefulSet, wanted: 0 }, storeId);
      // A store that somebody runs by hand beside the StatefulSet.
      if (number === undefined) return;
      const endMs = this.#endMs();
      await this.#changeScale(endMs, (wanted) => {
        if (number >= wanted) return undefined;
        if (number === wanted - 1) return number;
        const highest = storeName(this.#options.statefulSet, wanted - 1);
        throw refuse(`the StatefulSet can only remove its highest pod, ${highest}, so ${storeId} stays`);
      });
      await this.#untilGone(storeId, endMs);
      if (purge)
        for (const claim of await this.#api.claimNames(storeId, endMs))
          await this.#api.deleteClaim(claim, endMs);
    });
  }

  async list(): Promise<readonly LaunchedStore[]> {
    const endMs = this.#soon();
    const { status } = await this.#api.readScale(endMs);
    const { items } = await this.#api.listPods({ labelSelector: status?.selector ?? "" }, endMs);
    return items
      .map((pod) => ({ name: pod.metadata?.name ?? "", running: isRunning(pod) }))
      .filter(({ name }) => numberOf({ prefix: this.#options.statefulSet, wanted: 0 }, name) !== undefined)
      .map(({ name, running }) => ({ storeId: brandAs<StoreId>(name), running, handle: `pod ${name}` }));
  }

  async close({ stopStores }: { readonly stopStores: boolean }): Promise<void> {
    if (stopStores) await this.#changeScale(this.#soon(), (wanted) => (wanted === 0 ? undefined : 0));
    this.#closing.abort();
    await this.#last;
  }

  /** One change of the StatefulSet after the other. */
  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined); // Its caller hears of it.
    return result;
  }

  #soon(): number {
    return this.#options.clock.nowMs() + questionMs;
  }

  #endMs(): number {
    return this.#options.clock.nowMs() + this.#options.waitMs;
  }

  #numberOf(storeId: StoreId): number {
    const { statefulSet } = this.#options;
    const number = numberOf({ prefix: statefulSet, wanted: 0 }, storeId);
    if (number !== undefined) return number;
    throw refuse(`a store of StatefulSet ${statefulSet} is named ${statefulSet}-<number>, not ${storeId}`);
  }

  #requireOpen(): void {
    if (this.#closing.signal.aborted) {
      throw new EkvError("UNAVAILABLE", "the master is stopping", { notExecuted: true });
    }
  }

  /** Sets the number of replicas to what `decide` makes of the present one; undefined: leaves it. Says whether it was set. */
  async #changeScale(endMs: number, decide: (wanted: number) => number | undefined): Promise<boolean> {
    for (;;) {
      this.#requireOpen();
      const scale = await this.#api.readScale(endMs);
      const wanted = scale.spec?.replicas ?? 0;
      const replicas = decide(wanted);
      if (replicas === undefined) return false;
      if (await this.#api.writeScale(scale, replicas, endMs)) {
        this.#options.log.info("scaled the StatefulSet", { from: wanted, to: replicas });
        return true;
      }
      // Somebody else changed it meanwhile: decide anew.
      if (this.#options.clock.nowMs() >= endMs) {
        throw new EkvError("UNAVAILABLE", "others keep changing the StatefulSet's scale", {
          notExecuted: true,
        });
      }
    }
  }

  /** Follows a pod until `isEnough` or the end of time. Returns it as it was last seen. */
  async #untilPod(
    name: string,
    endMs: number,
    isEnough: (pod: V1Pod | undefined) => boolean,
  ): Promise<V1Pod | undefined> {
    const { clock } = this.#options;
    for (;;) {
      this.#requireOpen();
      const list = await this.#api.listPods({ fieldSelector: `metadata.name=${name}` }, endMs);
      let last = list.items[0];
      let enough = isEnough(last);
      const leftMs = endMs - clock.nowMs();
      if (enough || leftMs <= 0) return last;
      await this.#api.watchPod(
        name,
        list.metadata?.resourceVersion ?? "",
        Math.min(leftMs, watchMs),
        (pod) => {
          last = pod;
          enough = isEnough(pod);
          return enough;
        },
      );
      if (enough) return last;
      await this.#api.pause(relistPauseMs);
    }
  }

  async #untilGone(storeId: StoreId, endMs: number): Promise<void> {
    const pod = await this.#untilPod(storeId, endMs, (seen) => seen === undefined);
    if (pod === undefined) return;
    throw new EkvError(
      "UNAVAILABLE",
      `pod ${storeId} is still there after ${this.#options.waitMs} ms: kubectl describe pod ${storeId}`,
    );
  }

  /** Claims that a pod of this name would find missing, and the StatefulSet make. */
  async #missingClaims(storeId: StoreId, endMs: number): Promise<readonly string[]> {
    const missing: string[] = [];
    for (const claim of await this.#api.claimNames(storeId, endMs)) {
      if (!(await this.#api.claimExists(claim, endMs))) missing.push(claim);
    }
    return missing;
  }

  /** Takes a pod away that did not start, with the volume claims made for it, if it still is the highest. */
  async #undoLaunch(storeId: StoreId, number: number, claims: readonly string[]): Promise<void> {
    const endMs = this.#endMs();
    try {
      const shrunk = await this.#changeScale(endMs, (wanted) => (wanted === number + 1 ? number : undefined));
      if (!shrunk) return;
      await this.#untilGone(storeId, endMs);
      for (const claim of claims) await this.#api.deleteClaim(claim, endMs);
    } catch (error) {
      this.#options.log.warn("a pod that did not start could not be taken away", {
        storeId,
        reason: String(error),
      });
    }
  }

  #launchError(storeId: StoreId, { kind, reason }: Exclude<PodStart, { kind: "started" }>): EkvError {
    if (kind === "failed") return refuse(`pod ${storeId} cannot start: ${reason}`);
    return refuse(
      `pod ${storeId} did not start within ${this.#options.waitMs} ms: ${reason}; ` +
        `kubectl describe statefulset ${this.#options.statefulSet} says more`,
    );
  }
}

/**
 * A {@link Launcher} whose stores are the pods of a StatefulSet: it adds one and removes one by scaling it, and never
 * more than by one. A pod that does not start is taken away again, with the volume claims that were made for it. The
 * StatefulSet starts pods again by itself. Asks the API server nothing yet.
 */
export function openKubernetesLauncher(options: KubernetesLauncherOptions): Launcher {
  return new KubernetesLauncher(options);
}

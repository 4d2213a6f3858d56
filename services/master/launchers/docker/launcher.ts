import { EkvError } from "../../../core/errors.js";
import type { StoreId } from "../../../core/ids.js";
import { backoffs } from "../../../core/limits.js";
import type { Clock } from "../../../core/ports/clock.js";
import type { LaunchedStore, Launcher } from "../../../core/ports/launcher.js";
import type { Random } from "../../../core/ports/random.js";
import { Backoff } from "../../../core/retry/backoff.js";
import type { LauncherLog } from "../store-process.js";
import { type ContainerSettings, planContainer, resourceLabels, resourceName } from "./container-plan.js";
import type { Engine, StoreContainer } from "./engine.js";

const pollMs = 250;
/** How long a container is watched at its start. */
const startWaitMs = 60_000;
/** How long an engine that went away is waited for, to clear up behind a failed launch. */
const engineWaitMs = 30_000;

/** What a Docker launcher works with. */
export interface DockerLauncherOptions {
  readonly engine: Engine;
  readonly clusterId: string;
  /** How containers are made; asked at each launch that makes one. */
  readonly settings: () => Promise<ContainerSettings>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: LauncherLog;
  /** Whether a store has joined the cluster: from then on its data counts, and is never taken back with a failed launch. */
  readonly isMember: (storeId: StoreId) => boolean;
}

/** What a launch has made so far, to be taken back if it fails. */
interface Made {
  containerId: string | undefined;
  volume: string | undefined;
}

/**
 * A {@link Launcher} that runs stores as containers of a Docker engine, which outlive the master and are found by their
 * labels. The engine itself starts again what dies (restart policy unless-stopped).
 */
export class DockerLauncher implements Launcher {
  readonly name = "docker";
  readonly #options: DockerLauncherOptions;
  /** Calls about one store run one after the other. */
  readonly #turns = new Map<StoreId, Promise<unknown>>();
  /** Launches under way are left as they are: the next master goes on with them. */
  #closed = false;

  constructor(options: DockerLauncherOptions) {
    this.#options = options;
  }

  /**
   * Makes the store's volume and container unless they are there, and starts it. Resolves when it is healthy, or has run
   * for a minute. Rejects when the engine cannot, or the store dies before it joins the cluster, with what it printed last;
   * then what this call has made is gone.
   */
  launch(storeId: StoreId): Promise<LaunchedStore> {
    return this.#inTurn(storeId, async () => {
      const found = await this.#find(storeId);
      if (found !== undefined && isUp(found)) return describe(found);
      const made: Made = { containerId: undefined, volume: undefined };
      try {
        const containerId = await this.#prepare(storeId, found, made);
        await this.#options.engine.start(containerId);
        await this.#watchStart(storeId, containerId);
        return describe({ id: containerId, storeId, state: "running" });
      } catch (error) {
        throw await this.#takeBack(storeId, made, error);
      }
    });
  }

  /** Stops and removes the store's container; with `purge` its volume too. */
  remove(storeId: StoreId, purge: boolean): Promise<void> {
    return this.#inTurn(storeId, async () => {
      const { engine, clusterId } = this.#options;
      const found = await this.#find(storeId);
      if (found !== undefined) {
        await engine.stop(found.id);
        await engine.remove(found.id);
      }
      if (purge) await engine.removeVolume(resourceName(clusterId, storeId));
    });
  }

  async list(): Promise<readonly LaunchedStore[]> {
    const { engine, clusterId } = this.#options;
    return (await engine.list(clusterId)).map(describe);
  }

  async close({ stopStores }: { readonly stopStores: boolean }): Promise<void> {
    this.#closed = true;
    if (!stopStores) return;
    const { engine, clusterId } = this.#options;
    const found = await engine.list(clusterId);
    await Promise.all(found.map(({ id }) => engine.stop(id)));
  }

  async #find(storeId: StoreId): Promise<StoreContainer | undefined> {
    const { engine, clusterId } = this.#options;
    return (await engine.list(clusterId)).find((container) => container.storeId === storeId);
  }

  /** A container to be started: the one that is there, or a new one. */
  async #prepare(storeId: StoreId, found: StoreContainer | undefined, made: Made): Promise<string> {
    const { engine, clusterId } = this.#options;
    if (found !== undefined && found.state !== "created") return found.id;
    const settings = await this.#options.settings();
    // Made by a launch that a crash of the master cut short, perhaps by other settings.
    if (found !== undefined) await engine.remove(found.id);
    await engine.requireImage(settings.image);
    await engine.requireNetwork(settings.network);
    const name = resourceName(clusterId, storeId);
    // What is made is noted before: the answer may be lost on the way. The data of a former store of that name is kept.
    if (!(await engine.hasVolume(name))) {
      made.volume = name;
      await engine.makeVolume(name, resourceLabels(clusterId, storeId));
    }
    made.containerId = name;
    try {
      return await engine.make(planContainer(settings, storeId));
    } catch (error) {
      // Somebody else's container has that name.
      if (error instanceof EkvError && error.code === "ALREADY_EXISTS") made.containerId = undefined;
      throw error;
    }
  }

  async #watchStart(storeId: StoreId, containerId: string): Promise<void> {
    const { engine, clock, log, isMember } = this.#options;
    const endMs = clock.nowMs() + startWaitMs;
    while (clock.nowMs() < endMs && !this.#closed) {
      const found = await engine.inspect(containerId);
      if (found === undefined) throw goneError(storeId);
      const { State: state, RestartCount: restarts } = found;
      if (isMember(storeId) || state.Health?.Status === "healthy") return;
      // Its engine starts again what ends by itself.
      if (restarts === 0 && !state.Restarting && !state.Running) throw stoppedError(storeId);
      if (restarts > 0 || state.Restarting) {
        throw new EkvError(
          "FAILED_PRECONDITION",
          `store ${storeId} ended at its start${state.Running ? "" : ` with status ${state.ExitCode}`}` +
            `${state.OOMKilled ? " (out of memory)" : ""}; it said last: ${await engine.logTail(containerId)}`,
          { notExecuted: true },
        );
      }
      await new Promise<void>((resolve) => {
        clock.setTimer(pollMs, resolve);
      });
    }
    if (this.#closed) return;
    log.warn("a store runs and has not joined yet", { storeId, containerId, waitedMs: startWaitMs });
  }

  /** Removes what a failed launch has made. Returns the error to report. */
  async #takeBack(storeId: StoreId, made: Made, error: unknown): Promise<unknown> {
    const { engine, clock, random, isMember } = this.#options;
    const backoff = new Backoff(backoffs.dockerEngine, random);
    const endMs = clock.nowMs() + engineWaitMs;
    while (!isMember(storeId) && !this.#closed) {
      try {
        if (made.containerId !== undefined) await engine.remove(made.containerId);
        if (made.volume !== undefined) await engine.removeVolume(made.volume);
        return error;
      } catch (cause) {
        // An engine that is being shut down fails in ways of its own before it is gone.
        const isAway =
          cause instanceof EkvError && (cause.code === "UNAVAILABLE" || cause.code === "INTERNAL");
        if (!isAway || clock.nowMs() > endMs) return leftoverError(made, error, cause);
      }
      await new Promise<void>((resolve) => {
        clock.setTimer(backoff.failed(), resolve);
      });
    }
    return error;
  }

  #inTurn<T>(storeId: StoreId, task: () => Promise<T>): Promise<T> {
    const result = (this.#turns.get(storeId) ?? Promise.resolve()).then(task);
    const turn = result.catch(() => undefined); // Its caller hears of it.
    this.#turns.set(storeId, turn);
    void turn.then(() => {
      if (this.#turns.get(storeId) === turn) this.#turns.delete(storeId);
    });
    return result;
  }
}

function isUp({ state }: StoreContainer): boolean {
  return state === "running" || state === "restarting";
}

function describe(container: StoreContainer): LaunchedStore {
  const { id, storeId } = container;
  return { storeId, running: isUp(container), handle: `container ${id.slice(0, 12)}` };
}

function goneError(storeId: StoreId): EkvError {
  return new EkvError(
    "FAILED_PRECONDITION",
    `the container of store ${storeId} was removed by somebody else as it started; add the store again`,
    { notExecuted: true },
  );
}

function stoppedError(storeId: StoreId): EkvError {
  return new EkvError(
    "FAILED_PRECONDITION",
    `the container of store ${storeId} was stopped as it started, by its engine's end or by somebody else; add the store again`,
    { notExecuted: true },
  );
}

function leftoverError(made: Made, error: unknown, cause: unknown): EkvError {
  const what = [made.containerId && `container ${made.containerId}`, made.volume && `volume ${made.volume}`];
  const left = what.filter((one) => one !== undefined).join(" and ");
  const reason = error instanceof Error ? error.message : String(error);
  const hindrance = cause instanceof Error ? cause.message : String(cause);
  return new EkvError(
    error instanceof EkvError ? error.code : "INTERNAL",
    `${reason}; ${left} may be left, for it could not be removed (${hindrance}): remove it by hand`,
    { cause: error },
  );
}

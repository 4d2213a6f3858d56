import type Docker from "dockerode";
import type { ContainerCreateOptions, ContainerInspectInfo } from "dockerode";
import { EkvError } from "../../../core/errors.js";
import type { StoreId } from "../../../core/ids.js";
import { clusterLabel, stopGraceSeconds, storeLabel } from "./container-plan.js";
import { engineError, engineStatus } from "./engine-error.js";

const logTailLines = 5;

/** A store's container as the engine lists it. */
export interface StoreContainer {
  readonly id: string;
  readonly storeId: StoreId;
  /** created, running, restarting, exited, paused, removing or dead. */
  readonly state: string;
}

/**
 * What the launcher asks of a Docker engine: containers, volumes, and to look at images and networks; nothing beyond. Each
 * rejects with an EkvError that names the task and the engine.
 */
export class Engine {
  readonly #docker: Docker;
  /** Its address, for messages. */
  readonly where: string;

  constructor(docker: Docker, where: string) {
    this.#docker = docker;
    this.where = where;
  }

  /** The containers of a cluster's stores, running or not. */
  async list(clusterId: string): Promise<StoreContainer[]> {
    const filters = { label: [`${clusterLabel}=${clusterId}`] };
    const found = await this.#ask("list containers", () =>
      this.#docker.listContainers({ all: true, filters }),
    );
    return found.map(({ Id, State, Labels }) => ({
      id: Id,
      state: State,
      storeId: Labels[storeLabel] as StoreId,
    }));
  }

  /** Undefined when there is no such container. */
  inspect(id: string): Promise<ContainerInspectInfo | undefined> {
    return this.#unlessMissing(`inspect container ${id}`, () => this.#docker.getContainer(id).inspect());
  }

  /** Rejects with FAILED_PRECONDITION, and what to do, when the engine lacks the image. */
  async requireImage(image: string): Promise<void> {
    const found = await this.#unlessMissing(`inspect image ${image}`, () =>
      this.#docker.getImage(image).inspect(),
    );
    if (found !== undefined) return;
    throw new EkvError(
      "FAILED_PRECONDITION",
      `the Docker engine at ${this.where} has no image ${image}: build or pull it there, or name another with --docker-image`,
      { notExecuted: true },
    );
  }

  /** Rejects with FAILED_PRECONDITION, and what to do, when there is no such network. */
  async requireNetwork(network: string): Promise<void> {
    const found = await this.#unlessMissing(`inspect network ${network}`, () =>
      this.#docker.getNetwork(network).inspect(),
    );
    if (found !== undefined) return;
    throw new EkvError(
      "FAILED_PRECONDITION",
      `the Docker engine at ${this.where} has no network ${network}: make it, attach the master to it, or name ` +
        "another with --docker-network",
      { notExecuted: true },
    );
  }

  async hasVolume(name: string): Promise<boolean> {
    const found = await this.#unlessMissing(`inspect volume ${name}`, () =>
      this.#docker.getVolume(name).inspect(),
    );
    return found !== undefined;
  }

  /** Makes a volume, unless it is there. */
  async makeVolume(name: string, labels: Record<string, string>): Promise<void> {
    await this.#ask(`make volume ${name}`, () => this.#docker.createVolume({ Name: name, Labels: labels }));
  }

  /** Makes a container, stopped. ALREADY_EXISTS when another has its name. */
  async make(plan: ContainerCreateOptions): Promise<string> {
    const name = plan.name ?? "";
    try {
      return (await this.#docker.createContainer(plan)).id;
    } catch (cause) {
      if (engineStatus(cause) !== 409) throw engineError(cause, `make container ${name}`, this.where);
      throw new EkvError(
        "ALREADY_EXISTS",
        `the Docker engine at ${this.where} has another container named ${name}, which is not this cluster's: ` +
          "remove or rename it",
        { notExecuted: true, cause },
      );
    }
  }

  /** Starts a container, if it does not run. */
  async start(id: string): Promise<void> {
    await this.#unlessUnchanged(`start container ${id}`, () => this.#docker.getContainer(id).start());
  }

  /** Stops a container, if it runs: by SIGTERM, after 30 s by SIGKILL. */
  async stop(id: string): Promise<void> {
    await this.#unlessUnchanged(`stop container ${id}`, () =>
      this.#docker.getContainer(id).stop({ t: stopGraceSeconds }),
    );
  }

  /** Removes a container, if it is there, whatever it does. */
  async remove(id: string): Promise<void> {
    await this.#unlessUnchanged(`remove container ${id}`, () =>
      this.#docker.getContainer(id).remove({ force: true, v: true }),
    );
  }

  async removeVolume(name: string): Promise<void> {
    await this.#unlessUnchanged(`remove volume ${name}`, () => this.#docker.getVolume(name).remove());
  }

  /** The last lines that a container printed, on one line. */
  async logTail(id: string): Promise<string> {
    const output = await this.#ask(`read the log of container ${id}`, () =>
      this.#docker.getContainer(id).logs({ stdout: true, stderr: true, tail: logTailLines }),
    );
    return withoutFrames(output)
      .split("\n")
      .filter((line) => line.trim() !== "")
      .join(" | ");
  }

  async #ask<T>(task: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (cause) {
      throw engineError(cause, task, this.where);
    }
  }

  async #unlessMissing<T>(task: string, call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (cause) {
      if (engineStatus(cause) === 404) return undefined;
      throw engineError(cause, task, this.where);
    }
  }

  /** 304: it is so already. 404: it is gone already. 409: somebody else is removing it. */
  async #unlessUnchanged(task: string, call: () => Promise<unknown>): Promise<void> {
    try {
      await call();
    } catch (cause) {
      const status = engineStatus(cause);
      const isRemoval = task.startsWith("remove container") && status === 409;
      const isGone = status === 404 && !task.startsWith("start");
      if (status !== 304 && !isGone && !isRemoval) throw engineError(cause, task, this.where);
    }
  }
}

/** The engine puts eight bytes before each piece of output: stream, zeros, length; see ContainerAttach of its API. */
function withoutFrames(output: Buffer): string {
  const parts: Buffer[] = [];
  let at = 0;
  while (at + 8 <= output.length) {
    const end = at + 8 + output.readUInt32BE(at + 4);
    parts.push(output.subarray(at + 8, end));
    at = end;
  }
  return Buffer.concat(parts).toString("utf8");
}

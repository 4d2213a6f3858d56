import type { Client } from "../../../client/client.js";
import type { Version } from "../../../services/core/topology.js";
import type { SimProcess } from "../world/process.js";
import type { SeededRandom } from "../world/random.js";
import type { History } from "./history.js";

/** Values under a version seen, for conditional writes. */
interface Seen {
  readonly value: string;
  readonly version: Version;
}

/** How long values live that do not for ever, in milliseconds. */
const ttlsMs = [200, 1500, 6000];

/** What clients of the register workload do. */
export interface RegisterOptions {
  /** Keys that clients contend for. */
  readonly keys: readonly string[];
  /** Calls that one client has in flight. */
  readonly callsInFlight: number;
  /** Longest time between two calls of one slot, in milliseconds. */
  readonly thinkMs: number;
  /** Called at once when a put was acknowledged. */
  acknowledged(key: string, version: Version): void;
}

/** Reads and writes of every kind on a few keys, each with a value of its own. Goes on until told to stop. */
export class Registers {
  readonly #history: History;
  readonly #options: RegisterOptions;
  #stopped = false;
  #values = 0;

  constructor(history: History, options: RegisterOptions) {
    this.#history = history;
    this.#options = options;
  }

  /** Begins no further call. */
  stop(): void {
    this.#stopped = true;
  }

  /** Runs on one client. */
  run(client: Client<string>, process: SimProcess): void {
    for (let slot = 0; slot < this.#options.callsInFlight; slot += 1) {
      void this.#slot(client, process, process.random.fork(`slot ${slot}`));
    }
  }

  async #slot(client: Client<string>, process: SimProcess, random: SeededRandom): Promise<void> {
    const seen = new Map<string, Seen>();
    while (!this.#stopped && process.alive) {
      await this.#call(client, process.name, random, seen);
      await new Promise<void>((resolve) => {
        process.clock.setTimer(random.between(0, this.#options.thinkMs), resolve);
      });
    }
  }

  async #call(
    client: Client<string>,
    name: string,
    random: SeededRandom,
    seen: Map<string, Seen>,
  ): Promise<void> {
    const key = random.pick(this.#options.keys);
    const dice = random.fraction();
    if (dice < 0.25) {
      await this.#history.record(name, key, { kind: "get" }, client.get(key), (value) => ({
        kind: "value",
        value,
      }));
    } else if (dice < 0.45) {
      const entry = await this.#history.record(name, key, { kind: "get" }, client.getEntry(key), (found) => ({
        kind: "value",
        value: found?.value,
      }));
      if (entry) seen.set(key, entry);
      else seen.delete(key);
    } else if (dice < 0.55) {
      await this.#history.record(name, key, { kind: "delete" }, client.delete(key), (existed) => ({
        kind: "deleted",
        existed,
      }));
    } else {
      await this.#put(client, name, key, {
        dice,
        ttl: random.chance(0.2) ? random.pick(ttlsMs) : undefined,
        seen,
      });
    }
  }

  async #put(
    client: Client<string>,
    name: string,
    key: string,
    { dice, ttl, seen }: { dice: number; ttl: number | undefined; seen: Map<string, Seen> },
  ): Promise<void> {
    this.#values += 1;
    const value = `${name}#${this.#values}`;
    const known = seen.get(key);
    const condition =
      dice < 0.65
        ? ({ kind: "if-absent" } as const)
        : dice < 0.75 && known
          ? ({ kind: "if-value", value: known.value } as const)
          : undefined;
    const ttlMs = ttl === undefined ? {} : { ttlMs: ttl };
    const options = {
      ...ttlMs,
      ...(condition?.kind === "if-absent" && { ifAbsent: true }),
      ...(condition?.kind === "if-value" && known && { ifVersion: known.version }),
    };
    const version = await this.#history.record(
      name,
      key,
      { kind: "put", value, ...(condition && { condition }) },
      client.put(key, value, options),
      () => ({ kind: "written" }),
      ttlMs,
    );
    if (version === undefined) return;
    seen.set(key, { value, version });
    this.#options.acknowledged(key, version);
  }
}

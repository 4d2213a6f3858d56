import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "../../client/index.js";
import { SeededRandom } from "../../examples/demo/random.js";
import { EkvError } from "../../services/core/errors.js";
import type { Version } from "../../services/core/topology.js";
import type { CallAction, CallCondition, CallOutcome } from "../support/linearizability.js";
import { type CallRecorder, machineNowMs } from "./history.js";

/** The keys that every client of a cell reads and writes, spread over the ring; they do not exist before it. */
export function loadKeys(prefix: string): readonly string[] {
  return Array.from({ length: 24 }, (_, i) => `${prefix}-${i}`);
}

/** A worker's pause between two calls, so that the machine is not the bottleneck. */
const thinkMs = 12;
const workers = 4;

/** What a load consists of. */
export interface LoadShape {
  /** Of the client: its values begin with it. */
  readonly name: string;
  readonly keyPrefix: string;
  readonly seed: number;
}

interface Answer {
  readonly outcome: CallOutcome;
  readonly version?: Version;
  readonly value?: string | undefined;
}

/** Workers that call on the same few keys without end: reads, writes, deletes, creations and swaps, drawn by the seed. */
export class Load {
  readonly #client: Client<string>;
  readonly #name: string;
  readonly #keys: readonly string[];
  readonly #record: CallRecorder;
  readonly #workers: Promise<void>[];
  #stopped = false;
  #lastId = 0;
  #lastValue = 0;

  constructor(client: Client<string>, { name, keyPrefix, seed }: LoadShape, record: CallRecorder) {
    this.#client = client;
    this.#name = name;
    this.#keys = loadKeys(keyPrefix);
    this.#record = record;
    const random = new SeededRandom(seed);
    this.#workers = Array.from({ length: workers }, () => this.#work(random.fork()));
  }

  /** Lets each worker end its call. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers);
  }

  async #work(random: SeededRandom): Promise<void> {
    while (!this.#stopped) {
      const key = this.#keys[random.below(this.#keys.length)] ?? "";
      await this.#callOnce(key, random.pick({ get: 45, put: 30, create: 8, delete: 8, swap: 9 }));
      await delay(thinkMs);
    }
  }

  async #callOnce(key: string, kind: "get" | "put" | "create" | "delete" | "swap"): Promise<void> {
    switch (kind) {
      case "get":
        await this.#get(key);
        return;
      case "put":
        return await this.#put(key, undefined, undefined);
      case "create":
        return await this.#put(key, { kind: "if-absent" }, undefined);
      case "delete":
        return await this.#delete(key);
      case "swap": {
        const seen = await this.#get(key);
        if (seen?.version === undefined || seen.value === undefined) return;
        return await this.#put(key, { kind: "if-value", value: seen.value }, seen.version);
      }
    }
  }

  #get(key: string): Promise<Answer | undefined> {
    return this.#recorded(key, { kind: "get" }, async () => {
      const entry = await this.#client.getEntry(key);
      const outcome: CallOutcome = { kind: "value", value: entry?.value };
      return { outcome, ...(entry && { version: entry.version, value: entry.value }) };
    });
  }

  async #put(key: string, condition: CallCondition | undefined, version: Version | undefined): Promise<void> {
    this.#lastValue += 1;
    const value = `${this.#name}-${this.#lastValue}`;
    await this.#recorded(key, { kind: "put", value, ...(condition && { condition }) }, async () => ({
      version: await this.#client.put(key, value, {
        ...(condition?.kind === "if-absent" && { ifAbsent: true }),
        ...(version && { ifVersion: version }),
      }),
      outcome: { kind: "written" },
    }));
  }

  async #delete(key: string): Promise<void> {
    await this.#recorded(key, { kind: "delete" }, async () => ({
      outcome: { kind: "deleted", existed: await this.#client.delete(key) },
    }));
  }

  /** Makes a call, told before and after. An answer that is an error says whether the call may have had an effect. */
  async #recorded(key: string, action: CallAction, call: () => Promise<Answer>): Promise<Answer | undefined> {
    const record = this.#record;
    this.#lastId += 1;
    const id = this.#lastId;
    record({ kind: "begin", id, key, action, atMs: machineNowMs() });
    try {
      const answer = await call();
      const version = answer.version && `${answer.version.epoch}.${answer.version.seq}`;
      const told = version === undefined ? {} : { version };
      record({ kind: "end", id, outcome: answer.outcome, ...told, atMs: machineNowMs() });
      return answer;
    } catch (error) {
      const { outcome, code } = outcomeOf(error, action);
      const failure = code === undefined ? {} : { error: { code, message: String(error) } };
      record({ kind: "end", id, outcome, ...failure, atMs: machineNowMs() });
      return undefined;
    }
  }
}

/** What an error says of a call's effect; a condition that did not hold is an answer like any other. */
function outcomeOf(
  error: unknown,
  { kind }: CallAction,
): { readonly outcome: CallOutcome | undefined; readonly code: string | undefined } {
  const known = error instanceof EkvError ? error : undefined;
  if (known?.code === "CONDITION_FAILED") return { outcome: { kind: "condition-failed" }, code: undefined };
  const mayBeDone = kind !== "get" && known?.notExecuted !== true;
  return { outcome: mayBeDone ? { kind: "unknown" } : undefined, code: known?.code ?? "not an EkvError" };
}

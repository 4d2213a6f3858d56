import { setTimeout as delay } from "node:timers/promises";
import { EkvError } from "../../services/core/errors.js";
import { Consistency } from "../../services/gen/elastickv/v1/store.js";
import { storeService } from "../../services/wire/services.js";
import { RawClient } from "../support/raw-client.js";
import { type CallRecorder, machineNowMs } from "./history.js";

const thinkMs = 20;

/**
 * Reads every key in turn by unary calls to one store, which has to forward what it does not own: whatever it answers
 * must be as fresh as the owner's answer. It may fail, as a store that is not there does.
 */
export class DirectReader {
  readonly #client: RawClient;
  readonly #keys: readonly string[];
  readonly #record: CallRecorder;
  readonly #done: Promise<void>;
  #stopped = false;

  constructor(address: string, keys: readonly string[], record: CallRecorder) {
    this.#keys = keys;
    this.#client = new RawClient(address);
    this.#record = record;
    this.#done = this.#work();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    this.#client.close();
  }

  async #work(): Promise<void> {
    for (let id = 0; !this.#stopped; id += 1) {
      const key = this.#keys[id % this.#keys.length] ?? "";
      this.#record({ kind: "begin", id, key, action: { kind: "get" }, atMs: machineNowMs() });
      try {
        const { found, value } = await this.#client.call(storeService.get, {
          key: Buffer.from(key),
          consistency: Consistency.LINEARIZABLE,
        });
        const seen = found ? Buffer.from(value).toString() : undefined;
        this.#record({ kind: "end", id, outcome: { kind: "value", value: seen }, atMs: machineNowMs() });
      } catch (error) {
        const code = error instanceof EkvError ? error.code : "not an EkvError";
        const failure = { code, message: String(error) };
        this.#record({ kind: "end", id, outcome: undefined, error: failure, atMs: machineNowMs() });
      }
      await delay(thinkMs);
    }
  }
}

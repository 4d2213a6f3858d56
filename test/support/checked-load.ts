import assert from "node:assert/strict";
import { type Client, EkvError } from "../../client/index.js";

/** What a load saw. */
export interface LoadReport {
  readonly calls: number;
  /** Writes whose store died under them. */
  readonly unknown: number;
  readonly failures: readonly string[];
  readonly wrong: readonly string[];
  /** The longest that a call took, in milliseconds. */
  readonly slowestMs: number;
}

/** Reads and writes until stopped, without a pause unless one is given, each worker its own keys, and checks every answer against a model. */
export class CheckedLoad {
  readonly #client: Client<string>;
  readonly #prefix: string;
  readonly #workers: Promise<void>[];
  readonly #restMs: number;
  /** The values each key may have: one, or more after a write of unknown outcome. Undefined: absent. */
  readonly #model = new Map<string, Set<string | undefined>>();
  readonly #failures: string[] = [];
  readonly #wrong: string[] = [];
  #stopped = false;
  #calls = 0;
  #unknown = 0;
  #slowestMs = 0;

  /**
   * @param prefix of keys that do not exist yet
   * @param workers loops
   * @param keysEach keys of each, its own
   * @param restMs between two calls of a loop
   */
  constructor(client: Client<string>, prefix: string, workers: number, keysEach: number, restMs = 0) {
    this.#client = client;
    this.#prefix = prefix;
    this.#restMs = restMs;
    this.#workers = Array.from({ length: workers }, (_, worker) => this.#work(worker, keysEach));
  }

  get calls(): number {
    return this.#calls;
  }

  /** Ends the load and reads every key once more. */
  async stop(): Promise<LoadReport> {
    this.#stopped = true;
    await Promise.all(this.#workers);
    for (const key of this.#model.keys()) await this.#read(key);
    return {
      calls: this.#calls,
      unknown: this.#unknown,
      failures: this.#failures,
      wrong: this.#wrong,
      slowestMs: Math.round(this.#slowestMs),
    };
  }

  async #work(worker: number, keysEach: number): Promise<void> {
    for (let round = 0; !this.#stopped; round += 1) {
      const key = `${this.#prefix}-${worker}-${(round * 7) % keysEach}`;
      const kind = round % 5;
      const startedMs = performance.now();
      if (kind === 0) await this.#write(key, `${worker}-${round}`);
      else if (kind === 3 && round % 3 === 0) await this.#write(key, undefined);
      else await this.#read(key);
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedMs);
      if (this.#restMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#restMs));
    }
  }

  async #read(key: string): Promise<void> {
    this.#calls += 1;
    const possible = this.#model.get(key) ?? new Set([undefined]);
    try {
      const value = await this.#client.get(key);
      if (!possible.has(value))
        this.#wrong.push(`${key} is ${value}, not one of ${[...possible].join(", ")}`);
      // What was read once is what it is: a write of unknown outcome has happened, or it has not and never will.
      this.#model.set(key, new Set([value]));
    } catch (error) {
      this.#failures.push(`get ${key}: ${String(error)}`);
    }
  }

  async #write(key: string, value: string | undefined): Promise<void> {
    this.#calls += 1;
    try {
      if (value === undefined) await this.#client.delete(key);
      else await this.#client.put(key, value);
      this.#model.set(key, new Set([value]));
    } catch (error) {
      assert.ok(error instanceof EkvError);
      if (error.code === "OUTCOME_UNKNOWN") {
        this.#unknown += 1;
        this.#model.set(key, new Set([...(this.#model.get(key) ?? [undefined]), value]));
      } else {
        this.#failures.push(`write ${key}: ${String(error)}`);
      }
    }
  }
}

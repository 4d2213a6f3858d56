import { EkvError } from "../../services/core/errors.js";
import { compareVersions, type Version } from "../../services/core/topology.js";
import type { PendingWrite } from "./model.js";
import type { SeededRandom } from "./random.js";
import { complaintAbout, refusedCounter, type StoredValue } from "./stored-value.js";
import { ownerOf, type WorkloadContext } from "./workload-context.js";

/** Keys of one getMany or putMany. */
const manyKeys = 8;
/** Reads of a worker's own keys, which the model knows exactly; the others are of anybody's. */
const ownReadFraction = 0.5;
/** A worker that deleted so many keys puts one back before it deletes the next. */
const deletedMax = 16;

const readWeights = { get: 70, "get-entry": 15, contains: 10, "get-many": 5 } as const;
const writeWeights = {
  put: 45,
  "put-if-version": 20,
  delete: 15,
  "put-many": 8,
  "put-if-version-refused": 6,
  "put-if-absent-refused": 6,
} as const;
const restoreWeights = { "put-if-absent": 50, put: 35, "delete-absent": 15 } as const;

/** How a call ended. `refused`: its condition did not hold. `failed`: in any other error, noted already. */
type Outcome<T> =
  | { readonly kind: "answered"; readonly value: T }
  | { readonly kind: "refused"; readonly current: Version | undefined }
  | { readonly kind: "failed"; readonly notExecuted: boolean };

/** One client of the workload: one call after the other, each checked against the model. */
export class Worker {
  readonly #context: WorkloadContext;
  readonly #id: number;
  readonly #random: SeededRandom;
  /** Own keys that are deleted now. */
  readonly #deleted: number[] = [];

  constructor(context: WorkloadContext, id: number, random: SeededRandom) {
    this.#context = context;
    this.#id = id;
    this.#random = random;
  }

  /** Makes one call. Failures and wrong answers go to the findings. */
  async step(): Promise<void> {
    if (this.#random.chance(this.#context.readFraction)) return this.#read();
    const mayDelete = this.#deleted.length < deletedMax;
    if (this.#deleted.length > 0 && (!mayDelete || this.#random.chance(0.3))) return this.#restore();
    return this.#write();
  }

  #read(): Promise<void> {
    const call = this.#random.pick(readWeights);
    if (call === "get-many") return this.#getMany();
    const index = this.#anyKey();
    if (call === "contains") return this.#contains(index);
    return call === "get" ? this.#get(index) : this.#getEntry(index);
  }

  async #get(index: number): Promise<void> {
    const key = this.#context.dataSet.keyOf(index);
    const oldest = this.#context.model.beginRead(index);
    const outcome = await this.#call("get", key, () => this.#context.client.get(key));
    if (outcome.kind === "answered") this.#judge("get", index, oldest, outcome.value);
  }

  async #getEntry(index: number): Promise<void> {
    const key = this.#context.dataSet.keyOf(index);
    const oldest = this.#context.model.beginRead(index);
    const outcome = await this.#call("get-entry", key, () => this.#context.client.getEntry(key));
    if (outcome.kind !== "answered") return;
    this.#judge("get-entry", index, oldest, outcome.value?.value, outcome.value?.version);
  }

  async #contains(index: number): Promise<void> {
    const { client, dataSet, model } = this.#context;
    const key = dataSet.keyOf(index);
    const oldest = model.beginRead(index);
    const outcome = await this.#call("contains", key, () => client.contains(key));
    if (outcome.kind !== "answered") return;
    this.#complain(
      "contains",
      key,
      model.judge(index, oldest, { kind: outcome.value ? "present" : "absent" }),
    );
  }

  async #getMany(): Promise<void> {
    const { client, dataSet, model } = this.#context;
    const indexes = Array.from({ length: manyKeys }, () => this.#anyKey());
    const keys = indexes.map((index) => dataSet.keyOf(index));
    const oldest = indexes.map((index) => model.beginRead(index));
    const outcome = await this.#call("get-many", keys.join(" "), () => client.getMany(keys));
    if (outcome.kind !== "answered") return;
    indexes.forEach((index, i) => this.#judge("get-many", index, oldest[i] ?? 0, outcome.value[i]));
  }

  /** Changes a key that exists, or tries to with a condition that does not hold. */
  async #write(): Promise<void> {
    const index = this.#ownPresentKey();
    if (index === undefined) return this.#read();
    const call = this.#random.pick(writeWeights);
    const { model } = this.#context;
    const { epoch, seq } = model.versionOf(index);
    if (call === "put") return this.#put(call, index);
    if (call === "put-if-version") return this.#put(call, index, { ifVersion: { epoch, seq } });
    if (call === "put-many") return this.#putMany();
    if (call === "put-if-version-refused") {
      return this.#putRefused(call, index, { ifVersion: { epoch, seq: seq + 1 } });
    }
    if (call === "put-if-absent-refused") return this.#putRefused(call, index, { ifAbsent: true });
    this.#deleted.push(index);
    return this.#delete(call, index, true);
  }

  /** Puts back a key that was deleted, or deletes it once more. */
  async #restore(): Promise<void> {
    const position = this.#random.below(this.#deleted.length);
    const index = this.#deleted[position];
    if (index === undefined) return;
    if (!this.#context.model.isSettled(index)) {
      this.#deleted.splice(position, 1);
      return;
    }
    const call = this.#random.pick(restoreWeights);
    if (call === "delete-absent") return this.#delete(call, index, false);
    await this.#put(call, index, call === "put-if-absent" ? { ifAbsent: true } : undefined);
    if (this.#context.model.isPresent(index)) this.#deleted.splice(position, 1);
  }

  async #put(
    call: string,
    index: number,
    condition?: { readonly ifAbsent?: true; readonly ifVersion?: Version },
  ): Promise<void> {
    const { client, dataSet, model } = this.#context;
    const key = dataSet.keyOf(index);
    const write = model.beginWrite(index, "put");
    const value = this.#valueOf(index, write.number);
    const outcome = await this.#call(call, key, () => client.put(key, value, condition));
    this.#conclude(call, write, outcome, (version) => model.acknowledge(write, version));
  }

  async #putMany(): Promise<void> {
    const { client, dataSet, model } = this.#context;
    const picks = Array.from({ length: manyKeys }, () => this.#ownPresentKey());
    const indexes = [...new Set(picks.filter((index) => index !== undefined))];
    const writes = indexes.map((index) => model.beginWrite(index, "put"));
    const entries = writes.map(
      ({ index, number }) => [dataSet.keyOf(index), this.#valueOf(index, number)] as const,
    );
    const keys = entries.map(([key]) => key).join(" ");
    const outcome = await this.#call("put-many", keys, () => client.putMany(entries));
    writes.forEach((write, i) =>
      this.#conclude("put-many", write, outcome, (versions) => {
        const version = versions[i];
        return version ? model.acknowledge(write, version) : "got no version";
      }),
    );
  }

  async #delete(call: string, index: number, exists: boolean): Promise<void> {
    const { client, dataSet, model } = this.#context;
    const key = dataSet.keyOf(index);
    const write = model.beginWrite(index, "delete");
    const outcome = await this.#call(call, key, () => client.delete(key));
    this.#conclude(call, write, outcome, (existed) => {
      const complaint = model.acknowledge(write);
      return complaint ?? (existed === exists ? undefined : `answered existed = ${existed}`);
    });
  }

  /** A put whose condition cannot hold. Its value is one that nobody may ever read. */
  async #putRefused(
    call: string,
    index: number,
    condition: { readonly ifAbsent?: true; readonly ifVersion?: Version },
  ): Promise<void> {
    const { client, dataSet, model } = this.#context;
    const key = dataSet.keyOf(index);
    const value = this.#valueOf(index, refusedCounter);
    const outcome = await this.#call(call, key, () => client.put(key, value, condition));
    if (outcome.kind === "answered")
      this.#complain(call, key, "was stored, though its condition did not hold");
    if (outcome.kind !== "refused") return;
    const expected = model.versionOf(index);
    if (!outcome.current || compareVersions(outcome.current, expected) !== 0) {
      const current = JSON.stringify(outcome.current);
      this.#complain(call, key, `was refused with version ${current} instead of ${JSON.stringify(expected)}`);
    }
  }

  /** Ends a write that the model expects to be carried out. */
  #conclude<T>(
    call: string,
    write: PendingWrite,
    outcome: Outcome<T>,
    acknowledge: (answer: T) => string | undefined,
  ): void {
    const { dataSet, model } = this.#context;
    const key = dataSet.keyOf(write.index);
    if (outcome.kind === "answered") {
      this.#complain(call, key, acknowledge(outcome.value));
    } else if (outcome.kind === "refused") {
      model.retract(write);
      this.#complain(
        call,
        key,
        `was refused, though its condition held (${JSON.stringify(outcome.current)})`,
      );
    } else if (outcome.notExecuted) {
      model.retract(write);
    }
  }

  async #call<T>(call: string, key: string, run: () => Promise<T>): Promise<Outcome<T>> {
    const { findings, latency } = this.#context;
    findings.countCall(call);
    const { phase } = latency;
    const startMs = latency.now();
    try {
      return { kind: "answered", value: await run() };
    } catch (error) {
      const known = error instanceof EkvError ? error : undefined;
      if (known?.code === "CONDITION_FAILED") return { kind: "refused", current: known.current };
      findings.addFailure({ call, key, what: known ? `${known.code}: ${known.message}` : String(error) });
      return { kind: "failed", notExecuted: known?.notExecuted ?? false };
    } finally {
      latency.record(phase, startMs);
    }
  }

  #judge(
    call: string,
    index: number,
    oldest: number,
    value: StoredValue | undefined,
    version?: Version,
  ): void {
    const { dataSet, model, workers } = this.#context;
    const complaint = value && complaintAbout(value, ownerOf(index, workers), dataSet.recordOf(index));
    const seen = value
      ? ({ kind: "present", counter: value.counter, ...(version && { version }) } as const)
      : ({ kind: "absent" } as const);
    this.#complain(call, dataSet.keyOf(index), complaint ?? model.judge(index, oldest, seen));
  }

  #complain(call: string, key: string, what: string | undefined): void {
    if (what !== undefined) this.#context.findings.addWrongAnswer({ call, key, what });
  }

  #valueOf(index: number, counter: number): StoredValue {
    return { owner: this.#id, counter, record: this.#context.dataSet.recordOf(index) };
  }

  #anyKey(): number {
    if (this.#random.chance(ownReadFraction)) return this.#ownKey();
    return this.#random.below(this.#context.dataSet.size);
  }

  #ownKey(): number {
    const { dataSet, workers } = this.#context;
    return this.#id + workers * this.#random.below(Math.ceil((dataSet.size - this.#id) / workers));
  }

  /** An own key that exists and whose state is known; undefined when a few tries find none. */
  #ownPresentKey(): number | undefined {
    const { model } = this.#context;
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const index = this.#ownKey();
      if (model.isSettled(index) && model.isPresent(index)) return index;
    }
    return undefined;
  }
}

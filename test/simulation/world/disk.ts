import { EkvError } from "../../../services/core/errors.js";
import type { EngineWrite, StorageEngine } from "../../../services/core/ports/storage-engine.js";
import { openMemoryEngine } from "../../../services/store/engine/memory.js";
import { stillClock } from "../../support/still-clock.js";
import type { SimProcess } from "./process.js";
import type { SeededRandom } from "./random.js";

/** How long a commit that was not flushed by request stays so, as in the engine on a log. */
const backgroundFlushUs = 1_000_000;

/** A copy of a disk. */
export interface DiskImage {
  readonly live: StorageEngine;
  readonly flushed: StorageEngine;
}

function simulatedEngine(): StorageEngine {
  return openMemoryEngine({ clock: stillClock, random: { fraction: () => 0, hex: () => "00000000" } });
}

type Change = (engine: StorageEngine) => Promise<unknown>;

/**
 * The disk of a store: outlives processes. A commit survives the process at once, and the power when it is flushed; of
 * what was not, a power cut leaves some first part.
 */
export class SimDisk {
  readonly #random: SeededRandom;
  #live: StorageEngine = simulatedEngine();
  #flushed: StorageEngine = simulatedEngine();
  #unflushed: Change[] = [];
  /** Refuses to grow. */
  isFull = false;
  /** Every write and flush fails. */
  isBroken = false;
  /** Each commit takes this much longer. */
  stallUs = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** What a process that starts now would find. */
  get contents(): StorageEngine {
    return this.#live;
  }

  /** The engine of one process on this disk. */
  mount(process: SimProcess, durability: "commit" | "fsync"): StorageEngine {
    let tail: Promise<unknown> = Promise.resolve();
    let flushTimer: (() => void) | undefined;
    /** Operations end in the order of the calls, each after a while; what a dead process had not begun never happens. */
    const operate = <T>(delayUs: number, work: () => Promise<T>): Promise<T> => {
      const result = tail.then(
        () =>
          new Promise<T>((resolve, reject) => {
            process.later(delayUs + this.stallUs, "disk", () =>
              process.effect(() => {
                const answerUs = this.#random.chance(0.2) ? this.#random.below(2000) : 0;
                const answer = (then: () => void): void => void process.later(answerUs, "stored", then);
                work().then(
                  (value) => answer(() => resolve(value)),
                  (error: unknown) => answer(() => reject(error)),
                );
              }),
            );
          }),
      );
      tail = result.catch(() => undefined);
      return result;
    };
    const flush = async (): Promise<void> => {
      if (this.isBroken) throw ioError();
      const changes = this.#unflushed;
      this.#unflushed = [];
      for (const change of changes) await change(this.#flushed);
    };
    const change = async <T>(apply: (engine: StorageEngine) => Promise<T>, grows: boolean): Promise<T> => {
      if (this.isBroken) throw ioError();
      if (this.isFull && grows) throw diskFull();
      const result = await apply(this.#live);
      this.#unflushed.push(apply);
      if (durability === "fsync") await flush();
      else {
        flushTimer ??= process.later(backgroundFlushUs, "sync", () => {
          flushTimer = undefined;
          void operate(this.#flushUs(), flush).catch(() => undefined);
        });
      }
      return result;
    };
    const live = (): StorageEngine => this.#live;
    return {
      name: "memory",
      get: (...key) => live().get(...key),
      locate: (...key) => live().locate(...key),
      getMeta: (name) => live().getMeta(name),
      listMeta: (prefix) => live().listMeta(prefix),
      range: (...range) => live().range(...range),
      getCounters: (...of) => live().getCounters(...of),
      snapshot: (...of) => live().snapshot(...of),
      expired: (...limit) => live().expired(...limit),
      listGenerations: () => live().listGenerations(),
      commit: (batch) => {
        const grows = batch.some(({ kind }) => kind === "put" || kind === "puts");
        return operate(this.#commitUs(), () => change((engine) => engine.commit(batch), grows));
      },
      dropGeneration: (...of) =>
        operate(this.#commitUs(), () => change((engine) => engine.dropGeneration(...of), false)),
      problem: () => undefined,
      flush: () => operate(this.#flushUs(), flush),
      close: () => Promise.resolve(),
    };
  }

  /** The power goes: what was not flushed is lost, but for a first part of it. */
  async cutPower(): Promise<void> {
    const kept = this.#random.below(this.#unflushed.length + 1);
    for (const change of this.#unflushed.slice(0, kept)) await change(this.#flushed);
    this.#unflushed = [];
    this.#live = await copyOf(this.#flushed);
  }

  /** A copy of what it holds now, all of it flushed. */
  async copy(): Promise<DiskImage> {
    const [live, flushed] = await Promise.all([copyOf(this.#live), copyOf(this.#live)]);
    return { live, flushed };
  }

  /** Another volume is there instead: an empty one, or a copy, for this once. Returns what puts the old one back. */
  swap(image?: DiskImage): () => void {
    const old = { live: this.#live, flushed: this.#flushed, unflushed: this.#unflushed };
    this.wipe();
    if (image) {
      this.#live = image.live;
      this.#flushed = image.flushed;
    }
    return () => {
      this.#live = old.live;
      this.#flushed = old.flushed;
      this.#unflushed = old.unflushed;
    };
  }

  /** Deletes everything, as the purge of a store does. */
  wipe(): void {
    this.#live = simulatedEngine();
    this.#flushed = simulatedEngine();
    this.#unflushed = [];
  }

  #commitUs(): number {
    return this.#random.chance(0.02) ? this.#random.between(2000, 30_000) : this.#random.between(40, 600);
  }

  #flushUs(): number {
    return this.#random.chance(0.05) ? this.#random.between(10_000, 80_000) : this.#random.between(500, 6000);
  }
}

async function copyOf(engine: StorageEngine): Promise<StorageEngine> {
  const copy = simulatedEngine();
  const batch: EngineWrite[] = engine.listMeta("").map((meta) => ({ kind: "meta", ...meta }));
  for (const { partition, generation } of engine.listGenerations()) {
    for (const { key, record } of engine.range(partition, generation)) {
      batch.push({ kind: "put", partition, generation, key, record });
    }
    const value = engine.getCounters(partition, generation);
    if (value !== undefined) batch.push({ kind: "counters", partition, generation, value });
  }
  await copy.commit(batch);
  return copy;
}

function diskFull(): EkvError {
  return new EkvError("RESOURCE_EXHAUSTED", "the simulated disk is full", { notExecuted: true });
}

function ioError(): EkvError {
  return new EkvError("INTERNAL", "the simulated disk failed", { notExecuted: true });
}

import { EkvError } from "../errors.js";
import { type Generation, type PartitionId, brandAs } from "../ids.js";
import type { StorageEngine } from "../ports/storage-engine.js";
import type { Turns } from "./turns.js";

const nextName = "next-generation";
/** Numbers reserved at a time, so that taking one rarely needs a commit. */
const reserve = 4096;
/** Numbers kept ready beyond those asked for: a transfer may be begun anew without an entry in between. */
const spare = 256;

/**
 * Numbers and deletes generations. A number is never used twice on one disk, so an old order to delete one can never
 * eat a newer copy.
 */
export class Generations {
  readonly #engine: StorageEngine;
  readonly #turns: Turns;
  #next = 1;
  #reserved = 1;
  readonly #deleting = new Map<string, Promise<void>>();

  /** @param turns when a generation is deleted: many at once must not hold up other calls */
  constructor(engine: StorageEngine, turns: Turns) {
    this.#engine = engine;
    this.#turns = turns;
  }

  /**
   * Takes up the numbering where the disk says it may; call once, before {@link Generations.next}. On a full disk there are
   * no numbers until {@link Generations.prepare} finds room.
   */
  async load(): Promise<void> {
    const stored = this.#engine.getMeta(nextName);
    this.#next = stored === undefined ? 1 : Number(Buffer.from(stored).toString());
    this.#reserved = this.#next;
    try {
      await this.#reserveMore();
    } catch (error) {
      if (!(error instanceof EkvError) || error.code !== "RESOURCE_EXHAUSTED") throw error;
    }
  }

  /** A new number. Throws `RESOURCE_EXHAUSTED` when none is reserved, for the disk is full. */
  next(): Generation {
    if (this.#next >= this.#reserved) {
      throw new EkvError("RESOURCE_EXHAUSTED", "the disk has no room for another copy of a partition", {
        notExecuted: true,
      });
    }
    const generation = brandAs<Generation>(this.#next);
    this.#next += 1;
    return generation;
  }

  /** Makes sure that `count` more numbers may be taken. */
  async prepare(count: number): Promise<void> {
    while (this.#next + count + spare > this.#reserved) await this.#reserveMore();
  }

  /** Deletes a generation's data and counters, in one commit. Repeated calls share one deletion. */
  delete(partition: PartitionId, generation: Generation): Promise<void> {
    const name = `${partition}/${generation}`;
    const running = this.#deleting.get(name);
    if (running) return running;
    const deletion = this.#turns
      .run(() => this.#engine.dropGeneration(partition, generation))
      .finally(() => this.#deleting.delete(name));
    this.#deleting.set(name, deletion);
    return deletion;
  }

  /** Resolves when the deletions that are under way have ended, well or not. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#deleting.values());
  }

  async #reserveMore(): Promise<void> {
    const reserved = this.#reserved + reserve;
    await this.#engine.commit([{ kind: "meta", name: nextName, value: Buffer.from(String(reserved)) }]);
    this.#reserved = reserved;
  }
}

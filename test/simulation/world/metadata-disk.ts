import { EkvError } from "../../../services/core/errors.js";
import type { MetadataStore } from "../../../services/core/ports/metadata-store.js";
import type { SimProcess } from "./process.js";
import type { SeededRandom } from "./random.js";

/** The disk of the master: a commit is on it, flushed, when it resolves; before, a crash may have prevented it. */
export class MetadataDisk {
  readonly #random: SeededRandom;
  readonly #values = new Map<string, string>();
  /** Commits fail. */
  isBroken = false;
  /** Commits are refused, for there is no room. */
  isFull = false;
  /** Each commit takes this much longer. */
  stallUs = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** What is stored. */
  get values(): ReadonlyMap<string, string> {
    return this.#values;
  }

  /** The metadata store of one process. */
  mount(process: SimProcess): MetadataStore {
    let lastUs = 0;
    return {
      load: () => Promise.resolve(new Map(this.#values)),
      close: () => Promise.resolve(),
      commit: (changes) =>
        new Promise((resolve, reject) => {
          const { nowUs } = process.world;
          lastUs = Math.max(lastUs + 1, nowUs + this.#random.between(300, 8000) + this.stallUs);
          process.later(lastUs - nowUs, "metadata", () =>
            process.effect(() => {
              if (this.isFull)
                return reject(new EkvError("RESOURCE_EXHAUSTED", "the simulated disk is full"));
              if (this.isBroken) return reject(new EkvError("INTERNAL", "the simulated disk failed"));
              for (const { key, value } of changes) {
                if (value === undefined) this.#values.delete(key);
                else this.#values.set(key, value);
              }
              process.later(this.#random.below(500), "stored", resolve);
            }),
          );
        }),
    };
  }
}

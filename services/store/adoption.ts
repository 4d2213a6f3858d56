import { type EkvError, isDiskRefusal } from "../core/errors.js";
import type { TopologyVersion } from "../core/ids.js";
import { backoffs } from "../core/limits.js";
import type { Clock } from "../core/ports/clock.js";
import type { Random } from "../core/ports/random.js";
import { Backoff } from "../core/retry/backoff.js";
import type { PartitionEntry } from "../core/topology.js";
import type { Logger } from "../runtime/log.js";
import type { Ownership } from "./ownership.js";

/** What an {@link Adoption} works with. */
export interface AdoptionOptions {
  readonly ownership: Pick<Ownership, "adopt">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Everything up to a version is recorded; `mustLast` as {@link Ownership.adopt} returns it. */
  recorded(version: TopologyVersion, mustLast: boolean): void;
}

/**
 * Adopts what the master commits, one change after the other. While the disk takes nothing the store serves reads alone, and
 * records what it could not as soon as it can.
 */
export class Adoption {
  readonly #options: AdoptionOptions;
  readonly #backoff: Backoff;
  #tail: Promise<void> = Promise.resolve();
  #version: TopologyVersion | undefined;
  #waiting = false;
  #stopped = false;
  /** Why entries are not recorded; undefined: they are. */
  #held: EkvError | undefined;

  constructor(options: AdoptionOptions) {
    this.#options = options;
    this.#backoff = new Backoff(backoffs.storeDisk, options.random);
  }

  /** What keeps this store from writes, in words; undefined: nothing. */
  get problem(): string | undefined {
    return this.#held && `serves reads only: ${this.#held.message}`;
  }

  /**
   * Adopts entries that lead to a version. Resolves when they are recorded, or will be as soon as the disk lets it; rejects
   * with any other failure of the engine.
   */
  adopt(entries: readonly PartitionEntry[], version: TopologyVersion): Promise<void> {
    const adopted = this.#tail.then(() => this.#adopt(entries, version));
    this.#tail = adopted.catch(() => undefined); // Its caller hears of it.
    return adopted;
  }

  stop(): void {
    this.#stopped = true;
  }

  async #adopt(entries: readonly PartitionEntry[], version: TopologyVersion): Promise<void> {
    const { ownership, recorded } = this.#options;
    this.#version = version;
    let mustLast: boolean;
    try {
      mustLast = await ownership.adopt(entries, version);
    } catch (error) {
      if (!isDiskRefusal(error)) throw error;
      this.#hold(error);
      return;
    }
    this.#held = undefined;
    this.#backoff.succeeded();
    recorded(version, mustLast);
  }

  #hold(error: EkvError): void {
    const { log, clock } = this.#options;
    this.#held = error;
    if (this.#waiting || this.#stopped) return;
    this.#waiting = true;
    clock.setTimer(this.#backoff.failed(), () => {
      this.#waiting = false;
      if (this.#stopped || this.#version === undefined) return;
      this.adopt([], this.#version).catch((failure: unknown) => {
        log.error("what the master said could not be recorded", { error: failure });
        this.#hold(error);
      });
    });
  }
}

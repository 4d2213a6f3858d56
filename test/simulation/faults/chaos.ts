import type { SeededRandom } from "../world/random.js";
import { type FaultName, faultNames, faults, type FaultTargets } from "./faults.js";

/** Strikes with faults of some kinds, at random times, until it is stopped. */
export class Chaos {
  readonly kinds: readonly FaultName[];
  readonly #targets: FaultTargets;
  readonly #random: SeededRandom;
  readonly #everyUs: number;
  #stopped = false;
  /** Faults so far. */
  struck = 0;

  /** @param kinds undefined: a random choice, so that no kind hides what another would show */
  constructor(targets: FaultTargets, random: SeededRandom, kinds: readonly FaultName[] | undefined) {
    this.#targets = targets;
    this.#random = random;
    this.kinds = kinds ?? faultNames.filter(() => random.chance(0.35));
    this.#everyUs = random.between(0.25, 2.5) * 1_000_000;
  }

  start(): void {
    if (this.kinds.length > 0) this.#later();
  }

  stop(): void {
    this.#stopped = true;
  }

  #later(): void {
    const { world } = this.#targets.cluster.machines;
    world.after(this.#random.between(0, 2 * this.#everyUs), "fault", () => {
      if (this.#stopped) return;
      const kind = this.#random.pick(this.kinds);
      world.note(kind);
      this.#targets.cluster.machines.log({ atUs: world.nowUs, text: `fault: ${kind}` });
      this.struck += 1;
      faults[kind](this.#targets, this.#random);
      this.#later();
    });
  }
}

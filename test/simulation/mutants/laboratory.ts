import { CompiledCopy } from "../../support/compiled-copy.js";
import type { Mutant } from "./mutants.js";

const parts = ["dist/services", "dist/client", "dist/test/simulation", "dist/test/support"];

/** How a simulation of a mutant is run. */
export interface Trial {
  readonly first: number;
  readonly seeds: number;
  readonly seconds: number;
  readonly faults?: readonly string[] | undefined;
}

/** What a simulation found. */
export interface Finding {
  /** The seed that failed; undefined: none did. */
  readonly seed: number | undefined;
  readonly message: string;
}

/** Simulates copies of the compiled product, damaged or not. */
export class Laboratory {
  readonly #copy = new CompiledCopy(parts);

  /** Simulates the product as it is. */
  control(trial: Trial): Promise<Finding> {
    return this.#simulate(trial);
  }

  /** Simulates a mutant. Throws when the code that it changes is not there exactly once. */
  try(mutant: Mutant, trial: Trial): Promise<Finding> {
    return this.#copy.with(mutant.name, [mutant, ...(mutant.also ?? [])], () => this.#simulate(trial));
  }

  close(): void {
    this.#copy.close();
  }

  async #simulate({ first, seeds, seconds, faults }: Trial): Promise<Finding> {
    const argv = [
      "--threads",
      "1",
      "--first",
      String(first),
      "--seeds",
      String(seeds),
      "--seconds",
      String(seconds),
    ];
    if (faults) argv.push("--faults", faults.join(","));
    const { status, output } = await this.#copy.run("dist/test/simulation/main.js", argv);
    if (status === 0) return { seed: undefined, message: "" };
    const failed = /^seed (\d+): FAILED: (.*)$/m.exec(output);
    if (failed) return { seed: Number(failed[1]), message: failed[2] ?? "" };
    throw new Error(`the simulator ended with ${status}: ${output.slice(-2000)}`);
  }
}

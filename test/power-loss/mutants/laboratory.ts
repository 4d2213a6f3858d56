import { CompiledCopy } from "../../support/compiled-copy.js";
import type { Mutant } from "./mutants.js";

const parts = [
  "dist/services",
  "dist/test/power-loss",
  "dist/test/simulation/world/random.js",
  "dist/test/support",
];

/** How many runs a mutant, or the product, is put to, and what share of each is looked at. */
export interface Trial {
  readonly first: number;
  readonly seeds: number;
  readonly share: number;
}

/** What was found. */
export interface Finding {
  /** The seed that failed; undefined: none did. */
  readonly seed: number | undefined;
  readonly message: string;
}

/** That `--damage` turns over in the folders of a seed. */
const bitsPerSeed = 80;

/** Cuts the power under copies of the compiled engine, damaged or not. */
export class Laboratory {
  readonly #copy = new CompiledCopy(parts);

  /** Tries the product as it is, in the same way as a mutant. */
  control({ foundBy }: Mutant, trial: Trial): Promise<Finding> {
    return this.#run(trial, foundBy);
  }

  /** Tries a mutant. Throws when the code that it changes is not there exactly once. */
  try(mutant: Mutant, trial: Trial): Promise<Finding> {
    return this.#copy.with(mutant.name, mutant.edits, () => this.#run(trial, mutant.foundBy));
  }

  close(): void {
    this.#copy.close();
  }

  async #run({ first, seeds, share }: Trial, foundBy: Mutant["foundBy"]): Promise<Finding> {
    const how =
      foundBy === "damage"
        ? ["--damage", seeds * bitsPerSeed]
        : ["--seeds", seeds, "--share", share, ...(foundBy === "failing" ? ["--failing"] : [])];
    const argv = ["--first", first, ...how].map(String);
    const { status, output } = await this.#copy.run("dist/test/power-loss/main.js", argv);
    if (status === 0) return { seed: undefined, message: "" };
    const failed = /^seed (\d+): FAILED: (.*)$/m.exec(output);
    if (failed) return { seed: Number(failed[1]), message: failed[2] ?? "" };
    throw new Error(`the power-loss run ended with ${status}: ${output.slice(-2000)}`);
  }
}

import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Mutant } from "./mutants.js";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const parts = [
  "dist/services",
  "dist/client",
  "dist/test/simulation",
  "dist/test/support/linearizability.js",
];

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

/** A copy of the compiled product, to be damaged. */
export class Laboratory {
  readonly #folder: string;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), "ekv-mutants-"));
    for (const part of parts) {
      mkdirSync(dirname(join(this.#folder, part)), { recursive: true });
      cpSync(join(root, part), join(this.#folder, part), { recursive: true });
    }
    cpSync(join(root, "package.json"), join(this.#folder, "package.json"));
    symlinkSync(join(root, "node_modules"), join(this.#folder, "node_modules"));
  }

  /** Simulates the product as it is. */
  control(trial: Trial): Promise<Finding> {
    return this.#simulate(trial);
  }

  /** Simulates a mutant. Throws when the code that it changes is not there exactly once. */
  async try(mutant: Mutant, trial: Trial): Promise<Finding> {
    const originals = new Map<string, string>();
    try {
      for (const { file, find, replace } of [mutant, ...(mutant.also ?? [])]) {
        const path = join(this.#folder, "dist", file);
        const text = readFileSync(path, "utf8");
        const found = text.split(find).length - 1;
        if (found !== 1)
          throw new Error(`"${mutant.name}" changes ${file} in ${found} places; it has to be one`);
        if (!originals.has(path)) originals.set(path, text);
        writeFileSync(
          path,
          text.replace(find, () => replace),
        );
      }
      return await this.#simulate(trial);
    } finally {
      for (const [path, text] of originals) writeFileSync(path, text);
    }
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #simulate({ first, seeds, seconds, faults }: Trial): Promise<Finding> {
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
    const child = spawn(process.execPath, ["dist/test/simulation/main.js", ...argv], {
      cwd: this.#folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status) => {
        const failed = /^seed (\d+): FAILED: (.*)$/m.exec(output);
        if (status === 0) resolve({ seed: undefined, message: "" });
        else if (failed) resolve({ seed: Number(failed[1]), message: failed[2] ?? "" });
        else reject(new Error(`the simulator ended with ${status}: ${output.slice(-2000)}`));
      });
    });
  }
}

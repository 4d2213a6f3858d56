import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** One replacement in a file of the compiled product. */
export interface Edit {
  /** Below dist/. */
  readonly file: string;
  /** Has to be there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** How a program ended, and all that it wrote. */
export interface ProgramEnd {
  readonly status: number | null;
  readonly output: string;
}

/** A copy of the compiled product, to be damaged. */
export class CompiledCopy {
  readonly #folder: string;

  /** @param parts files and folders of the repository, such as `dist/services` */
  constructor(parts: readonly string[]) {
    this.#folder = mkdtempSync(join(tmpdir(), "ekv-mutants-"));
    for (const part of parts) {
      mkdirSync(dirname(join(this.#folder, part)), { recursive: true });
      cpSync(join(root, part), join(this.#folder, part), { recursive: true });
    }
    cpSync(join(root, "package.json"), join(this.#folder, "package.json"));
    symlinkSync(join(root, "node_modules"), join(this.#folder, "node_modules"));
  }

  /** Makes replacements for as long as `work` takes. Throws when the code that one changes is not there exactly once. */
  async with<T>(name: string, edits: readonly Edit[], work: () => Promise<T>): Promise<T> {
    const originals = new Map<string, string>();
    try {
      for (const { file, find, replace } of edits) {
        const path = join(this.#folder, "dist", file);
        const text = readFileSync(path, "utf8");
        const found = text.split(find).length - 1;
        if (found !== 1) throw new Error(`"${name}" changes ${file} in ${found} places; it has to be one`);
        if (!originals.has(path)) originals.set(path, text);
        writeFileSync(
          path,
          text.replace(find, () => replace),
        );
      }
      return await work();
    } finally {
      for (const [path, text] of originals) writeFileSync(path, text);
    }
  }

  /** Runs a program of the copy to its end. */
  run(program: string, argv: readonly string[]): Promise<ProgramEnd> {
    const child = spawn(process.execPath, [program, ...argv], {
      cwd: this.#folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status) => resolve({ status, output }));
    });
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

import { chmod, readFile, rename, writeFile } from "node:fs/promises";

/** Lines that the history keeps. */
export const historyLinesMax = 1000;

/** The lines of a history file, newest first; none when there is no file. */
export async function loadHistory(path: string): Promise<string[]> {
  try {
    const text = await readFile(path, "utf8");
    return text
      .split("\n")
      .filter((line) => line !== "")
      .reverse()
      .slice(0, historyLinesMax);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

/** Stores lines given newest first. Only the user may read the file: values stand in it. */
export async function saveHistory(path: string, lines: readonly string[]): Promise<void> {
  const kept = lines.slice(0, historyLinesMax).reverse();
  const partial = `${path}.${process.pid}`;
  await writeFile(partial, kept.map((line) => `${line}\n`).join(""), { mode: 0o600 });
  await chmod(partial, 0o600);
  await rename(partial, path);
}

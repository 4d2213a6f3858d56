import { chmod, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { describeFailure, fileFailure } from "../failure.js";
import type { Environment } from "../output.js";

/** Lines that the history keeps. */
export const historyLinesMax = 1000;

/** The lines typed in earlier shells. */
export interface History {
  /** Newest first. */
  readonly lines: readonly string[];
  /** Keeps lines, newest first, for the next shell. Never rejects. */
  save(lines: readonly string[]): Promise<void>;
}

/**
 * The history in the file that EKV_HISTORY names, or else in ~/.ekv_history. A shell is of use without its history: what
 * cannot be read or written is reported to `onProblem`, and is no error. A file that could not be read is left alone.
 */
export async function openHistory(
  environment: Environment,
  onProblem: (text: string) => void,
): Promise<History> {
  let path = "the history";
  const report = (error: unknown): void => {
    onProblem(`The history is not kept: ${describeFailure(fileFailure(path, error)).error.message}`);
  };
  try {
    path = environment["EKV_HISTORY"] || join(homedir(), ".ekv_history");
    const lines = await loadHistory(path);
    return { lines, save: (newest) => saveHistory(path, newest).catch(report) };
  } catch (error) {
    report(error);
    return { lines: [], save: () => Promise.resolve() };
  }
}

/** The lines of a history file, newest first; none when there is no file. */
async function loadHistory(path: string): Promise<string[]> {
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
async function saveHistory(path: string, lines: readonly string[]): Promise<void> {
  const kept = lines.slice(0, historyLinesMax).reverse();
  const partial = `${path}.${process.pid}`;
  try {
    await writeFile(partial, kept.map((line) => `${line}\n`).join(""), { mode: 0o600 });
    await chmod(partial, 0o600);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

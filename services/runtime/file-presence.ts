import { type BigIntStats, statSync } from "node:fs";
import { systemErrorName } from "./system-reason.js";

/** What the system says when there is nothing at a path. */
const absent: ReadonlySet<string | undefined> = new Set(["ENOENT", "ENOTDIR", "ESTALE"]);

/**
 * Watches that a path still leads to the file that it led to at first. A process goes on with a file that was deleted or
 * moved, or whose volume was taken away: what it writes then looks well, and is gone with the process.
 */
export class FilePresence {
  readonly #path: string;
  readonly #first: BigIntStats | undefined;

  /** The file is there now. */
  constructor(path: string) {
    this.#path = path;
    this.#first = statSync(path, { bigint: true, throwIfNoEntry: false });
  }

  /** Asks the file system: some microseconds. */
  get isThere(): boolean {
    try {
      const now = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
      return now !== undefined && now.ino === this.#first?.ino && now.dev === this.#first.dev;
    } catch (error) {
      // Of another failure the next write tells more.
      return !absent.has(systemErrorName(error));
    }
  }
}

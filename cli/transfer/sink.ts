import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { finished } from "node:stream/promises";
import { fileFailure } from "../failure.js";
import type { Output } from "../output.js";

/** Where an export goes. */
export interface Sink {
  /** Resolves when more may be written. Rejects when it could not be. */
  write(text: string): Promise<void>;
  /** Resolves when all of it is written, and a file stands under its name. */
  complete(): Promise<void>;
  /** Leaves nothing behind. */
  abandon(): Promise<void>;
}

/** A command's own output. What was written cannot be taken back. */
export function outputSink(output: Output): Sink {
  return {
    write: (text) => output.write(text),
    complete: () => output.flush(),
    abandon: () => Promise.resolve(),
  };
}

/**
 * A file, which appears under its name when it is complete. A device or a named pipe is written to as it is, never
 * replaced by a file. Throws `INVALID_ARGUMENT` when it cannot be opened.
 */
export async function fileSink(path: string): Promise<Sink> {
  const replaced = await isReplaceable(path);
  const written = replaced ? `${path}.partial` : path;
  const stream = createWriteStream(written);
  try {
    await once(stream, "open");
  } catch (error) {
    throw fileFailure(written, error);
  }
  const ended = finished(stream);
  // Awaited in complete; until then an error shows in write.
  ended.catch(() => undefined);
  return {
    async write(text) {
      if (!stream.write(text)) await Promise.race([once(stream, "drain"), ended]);
    },
    async complete() {
      stream.end();
      await ended;
      if (replaced) await rename(written, path);
    },
    async abandon() {
      stream.destroy();
      if (replaced) await rm(written, { force: true });
    },
  };
}

async function isReplaceable(path: string): Promise<boolean> {
  try {
    const found = await stat(path);
    return found.isFile() || found.isDirectory();
  } catch {
    // Nothing is there, or nothing that can be read: opening it will say which.
    return true;
  }
}

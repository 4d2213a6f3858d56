import { EkvError } from "../../services/core/errors.js";
import { limits } from "../../services/core/limits.js";

/** One key with its value, on its way in or out of a file. */
export interface TransferEntry {
  readonly key: Buffer;
  readonly value: Buffer;
  /** Unix milliseconds; 0: never. Only NDJSON carries it. */
  readonly expiresAtMs: number;
}

/** What a reader finds at a line: an entry, or why there is none. */
export type ReadItem =
  | { readonly line: number; readonly entry: TransferEntry }
  | { readonly line: number; readonly problem: string };

/** The entry that `read` finds at a line, or what is wrong with the line: nothing that a line holds ends the reading. */
export function readItem(line: number, read: () => TransferEntry): ReadItem {
  try {
    return { line, entry: read() };
  } catch (error) {
    if (error instanceof EkvError) return { line, problem: error.message };
    return { line, problem: `cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** The file formats of `import` and `export`. */
export type TransferFormat = "ndjson" | "csv";

/** How CSV fields hold bytes. */
export type CsvEncoding = "text" | "base64";

/** Longest line that can hold an entry: the longest value and key, every byte written as an escape of six characters. */
export const lineBytesMax: number = 6 * (limits.valueBytesCeiling + limits.keyBytesMax) + 1024;

/** The format asked for, or the one a file's name suggests: `.csv` is CSV, all else NDJSON. */
export function formatOf(path: string, asked: TransferFormat | undefined): TransferFormat {
  return asked ?? (path.toLowerCase().endsWith(".csv") ? "csv" : "ndjson");
}

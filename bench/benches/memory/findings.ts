import { atMost, type Bar } from "../../report/bar.js";
import type { FindingsTable } from "../../report/findings.js";
import { formatCount, formatFigure } from "../../report/quantities.js";

/** Resident memory of all servers of a system together. */
export interface MemoryFigures {
  readonly system: string;
  readonly keys: number;
  /** When every key had been written once. */
  readonly loadedBytes: number;
  /** After as many overwrites, of random keys. */
  readonly overwrittenBytes: number;
}

const mebibyte = 2 ** 20;

/** What each system takes, and for a key. */
export function memoryTable(measured: readonly MemoryFigures[]): FindingsTable {
  return {
    title: "resident memory",
    head: ["system", "keys", "loaded MiB", "B/key", "overwritten MiB", "B/key"],
    rows: measured.map(({ system, keys, loadedBytes, overwrittenBytes }) => [
      system,
      formatCount(keys),
      ...[loadedBytes, overwrittenBytes].flatMap((bytes) => [
        formatCount(bytes / mebibyte),
        formatFigure(bytes / keys),
      ]),
    ]),
  };
}

/** What is to be reached with 3,000,000 keys. A small data set takes less memory than the program that holds it. */
export function memoryBars(measured: readonly MemoryFigures[]): Bar[] {
  const of = (system: string): MemoryFigures | undefined => measured.find((one) => one.system === system);
  const [ours, theirs] = [of("elastic-kv"), of("valkey")];
  return [
    atMost(
      `loaded with ${formatCount(ours?.keys ?? 0)} keys: memory of a key ÷ Valkey's`,
      ours && theirs && ours.loadedBytes / ours.keys / (theirs.loadedBytes / theirs.keys),
      1.3,
    ),
  ];
}

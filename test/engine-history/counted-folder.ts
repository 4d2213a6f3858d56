import { setImmediate as endOfTurn } from "node:timers/promises";
import type { LogFile, LogFolder } from "../../services/store/engine/log/log-folder.js";

/** What an engine did with its files. */
export interface DiskCounts {
  /** Look-ups of what was not in memory. */
  coldReads: number;
  /** Segments that came back into memory. */
  loads: number;
  segmentsMade: number;
  segmentsRemoved: number;
  checkpoints: number;
}

/** A file that counts what is read of it. */
class CountedFile implements LogFile {
  readonly #file: LogFile;
  readonly #counts: DiskCounts;

  constructor(file: LogFile, counts: DiskCounts) {
    this.#file = file;
    this.#counts = counts;
  }

  read(into: Uint8Array, position: number): number {
    this.#counts.coldReads += 1;
    return this.#file.read(into, position);
  }

  load(into: Uint8Array, position: number): Promise<number> {
    this.#counts.loads += 1;
    return this.#file.load(into, position);
  }

  write(...parameters: Parameters<LogFile["write"]>): void {
    this.#file.write(...parameters);
  }

  size(): number {
    return this.#file.size();
  }

  truncate(size: number): void {
    this.#file.truncate(size);
  }

  sync(): Promise<void> {
    return endOfTurn();
  }

  close(): void {
    this.#file.close();
  }
}

/**
 * The real folder, with counts of what the engine does. A sync takes a turn of the event loop and does nothing: what it is for is
 * shown by power cuts, and here it would take most of the time.
 */
export function countedFolder(folder: LogFolder, counts: DiskCounts): LogFolder {
  return {
    path: folder.path,
    list: () => folder.list(),
    create: (name) => {
      if (name.endsWith(".log")) counts.segmentsMade += 1;
      return new CountedFile(folder.create(name), counts);
    },
    open: (name) => new CountedFile(folder.open(name), counts),
    rename: (from, to) => {
      counts.checkpoints += 1;
      folder.rename(from, to);
    },
    remove: (name) => {
      if (name.endsWith(".log")) counts.segmentsRemoved += 1;
      return folder.remove(name);
    },
    sync: () => endOfTurn(),
  };
}

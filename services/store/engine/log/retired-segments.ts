import type { LogFolder } from "./log-folder.js";
import { type Segment, segmentName } from "./segment.js";

interface Retired {
  readonly segment: Segment;
  /** The batch that holds the last copy of what was live in it. */
  readonly batch: number;
}

/**
 * Segments that were cleaned. Their files are removed in order, one at a time: each after the copies of what it held are
 * durable, and after the one before is gone for good. So whatever a power loss leaves is the log without a gap.
 */
export class RetiredSegments {
  readonly #folder: LogFolder;
  readonly #durableBatch: () => number;
  readonly #waiting: Retired[] = [];
  #removing: Promise<void> | undefined;

  constructor(folder: LogFolder, durableBatch: () => number) {
    this.#folder = folder;
    this.#durableBatch = durableBatch;
  }

  /** Bytes of files that are yet to be removed. */
  get bytes(): number {
    return this.#waiting.reduce((sum, { segment }) => sum + segment.end, 0);
  }

  add(segment: Segment, batch: number): void {
    this.#waiting.push({ segment, batch });
  }

  /** Removes what may go. A file that the system does not remove is tried again the next time. */
  remove(): void {
    this.#removing ??= this.#remove().finally(() => (this.#removing = undefined));
  }

  /** Resolves when no removal is under way. */
  async removed(): Promise<void> {
    await this.#removing;
  }

  /** Resolves when no removal is under way, and closes the files of what is left. */
  async stop(): Promise<void> {
    await this.#removing;
    for (const { segment } of this.#waiting.splice(0)) segment.release();
  }

  async #remove(): Promise<void> {
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined || next.batch > this.#durableBatch()) return;
      try {
        const name = segmentName(next.segment.number);
        // It is gone already when only the sync behind the last removal failed.
        if (this.#folder.list().includes(name)) await this.#folder.remove(name);
        await this.#folder.sync();
      } catch {
        return;
      }
      this.#waiting.shift();
      next.segment.release();
    }
  }
}

import type { Clock } from "../../../core/ports/clock.js";
import { checkpointStateOf, type LogEnd, writeCheckpoint } from "./checkpoint.js";
import type { LogFolder } from "./log-folder.js";
import type { LogIndex } from "./log-index.js";
import type { Segment } from "./segment.js";

/** What checkpoints are written of. */
export interface CheckpointsOptions {
  readonly folder: LogFolder;
  readonly clock: Clock;
  readonly index: LogIndex;
  /** Of the log, oldest first. */
  readonly segments: readonly Segment[];
  /** The last batch that the index holds. */
  readonly end: () => LogEnd;
  /** Makes the log durable. */
  readonly sync: () => Promise<void>;
  /** Bytes written to the log between two checkpoints. */
  readonly bytesBetween: number;
}

/** Writes a checkpoint whenever so much was written to the log, so that a start has little to read. */
export class Checkpoints {
  readonly #options: CheckpointsOptions;
  #writing: Promise<void> | undefined;
  /** Bytes written to the log since the last one. */
  logBytes = 0;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
  }

  /** Begins one if it is time. Call when the index holds all that is written. */
  writeWhenDue(): void {
    const { bytesBetween, index } = this.#options;
    if (this.logBytes < bytesBetween || this.#writing !== undefined || index.isDisposing) return;
    this.#writing = this.#write()
      // The one before still holds; the next is tried when as much was written again.
      .catch(() => undefined)
      .finally(() => (this.#writing = undefined));
  }

  /** Writes one if there is anything new. On a disk that has no room for it the next start reads more of the log. */
  async writeLast(): Promise<void> {
    await this.#writing;
    if (this.logBytes > 0) await this.#write().catch(() => undefined);
  }

  async #write(): Promise<void> {
    const { folder, clock, index, segments, end, sync } = this.#options;
    const state = checkpointStateOf(index, segments, end());
    this.logBytes = 0;
    await sync();
    await writeCheckpoint(folder, state, () => new Promise((resolve) => clock.endOfTurn(resolve)));
  }
}

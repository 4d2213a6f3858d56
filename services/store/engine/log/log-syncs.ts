import { EkvError } from "../../../core/errors.js";
import type { Clock, Timer } from "../../../core/ports/clock.js";
import type { LogFolder } from "./log-folder.js";

/** A file, or a segment with its file. */
interface Syncable {
  sync(): Promise<void>;
}

/** How long a written batch stays unsynced where nobody asks for it, in milliseconds. */
const backgroundSyncMs = 1000;

/**
 * Makes the log survive a power loss: remembers what was written since the last time, and syncs it off the event loop. One
 * sync at a time; whoever asks meanwhile shares the next.
 *
 * After a failed sync nobody knows what reached the disk: then every write is refused.
 */
export class LogSyncs {
  readonly #folder: LogFolder | undefined;
  readonly #clock: Clock;
  readonly #batch: () => number;
  readonly #dirty = new Set<Syncable>();
  #isFolderDirty = false;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #broken: EkvError | undefined;
  /** Batches up to this one are durable. */
  durableBatch = 0;
  /** Called after each sync that went well. */
  onSynced: () => void = () => undefined;

  /** @param batch number of the last batch that was written */
  constructor(folder: LogFolder | undefined, clock: Clock, batch: () => number) {
    this.#folder = folder;
    this.#clock = clock;
    this.#batch = batch;
  }

  /** Why nothing may be written any more; undefined: it may. */
  get broken(): EkvError | undefined {
    return this.#broken;
  }

  /** Refuses every write from now on. */
  breakOff(cause: unknown): void {
    const path = this.#folder?.path ?? "memory";
    this.#broken ??= new EkvError(
      "INTERNAL",
      `writing ${path} to disk failed; it takes no more writes: check the disk, then restart the store`,
      { notExecuted: true, cause },
    );
  }

  /** A file was written to, or cut back; `isNew`: it was made. */
  wrote(file: Syncable, isNew: boolean): void {
    if (this.#folder === undefined) return;
    this.#dirty.add(file);
    this.#isFolderDirty ||= isNew;
  }

  /** Syncs soon, in the background. */
  schedule(): void {
    if (this.#folder === undefined) return;
    this.#timer ??= this.#clock.setTimer(backgroundSyncMs, () => {
      this.#timer = undefined;
      // A failure is kept: the next write reports it.
      this.sync().catch(() => undefined);
    });
  }

  /** Resolves when all that was written before this call is durable. Rejects when it cannot be made so. */
  async sync(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#sync().finally(() => (this.#running = undefined));
      return this.#running;
    }
    const running = this.#running;
    this.#next ??= running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.sync();
      });
    return this.#next;
  }

  /** As {@link LogSyncs.sync}, for what was written and not acknowledged. */
  async syncWritten(): Promise<void> {
    await this.sync().catch((cause: unknown) => {
      throw outcomeUnknown(cause);
    });
  }

  /**
   * Rejects with the error of a write that was taken back, once a power loss cannot bring it back; with `OUTCOME_UNKNOWN` when
   * it may.
   */
  async refuse(error: unknown): Promise<never> {
    if (error !== this.#broken) await this.syncWritten();
    throw error;
  }

  /** Leaves no timer behind. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  async #sync(): Promise<void> {
    this.stop();
    if (this.#broken !== undefined) throw this.#broken;
    const batch = this.#batch();
    const files = [...this.#dirty];
    const folder = this.#isFolderDirty ? this.#folder : undefined;
    this.#dirty.clear();
    this.#isFolderDirty = false;
    try {
      await Promise.all([
        ...files.map((file) => file.sync()),
        ...(folder === undefined ? [] : [folder.sync()]),
      ]);
    } catch (cause) {
      this.breakOff(cause);
      throw this.#broken as unknown as EkvError;
    }
    this.durableBatch = Math.max(this.durableBatch, batch);
    this.onSynced();
  }
}

/** What a batch fails with that reached the file, when a sync failed. */
function outcomeUnknown(cause: unknown): EkvError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EkvError("OUTCOME_UNKNOWN", `the next start may find the write or not: ${reason}`, { cause });
}

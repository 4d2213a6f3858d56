import type { RootDatabase } from "lmdb";
import { EkvError } from "../../core/errors.js";
import type { Clock, Timer } from "../../core/ports/clock.js";
import { storageError } from "../../runtime/storage-error.js";

const syncDelayMs = 1000;

/** Flushes all that was committed to disk, in a worker thread. */
function syncToDisk(env: RootDatabase): Promise<void> {
  // Missing from lmdb's types (3.5.6); documented in its README.
  const syncing = env as unknown as { sync(done: (error?: unknown) => void): void };
  return new Promise((resolve, reject) => {
    syncing.sync((error) => (error ? reject(error) : resolve()));
  });
}

/**
 * Commits to an LMDB environment that was opened with `noSync`: at once and synchronously, leaving the disk to the
 * operating system and to a flush in the background a second later.
 *
 * When that flush fails nobody knows what reached the disk: from then on every write is refused.
 */
export class DeferredWriter {
  readonly #env: RootDatabase;
  readonly #path: string;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #syncing: Promise<void> = Promise.resolve();
  #broken: EkvError | undefined;

  constructor(env: RootDatabase, path: string, clock: Clock) {
    this.#env = env;
    this.#path = path;
    this.#clock = clock;
  }

  /** Runs `work` within a write transaction and commits it; what it throws undoes it and rejects. */
  async run<T>(work: () => T): Promise<T> {
    if (this.#broken !== undefined) throw this.#broken;
    try {
      const result = this.#env.transactionSync(work);
      this.#timer ??= this.#clock.setTimer(syncDelayMs, () => this.#syncInBackground());
      return result;
    } catch (error) {
      throw storageError(this.#path, error);
    }
  }

  /** Makes every commit so far survive a power loss. Leaves no timer and no flush behind. */
  async flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const previous = this.#syncing;
    this.#syncing = (async () => {
      await previous;
      try {
        await syncToDisk(this.#env);
      } catch (error) {
        this.#broken ??= new EkvError(
          "INTERNAL",
          `flushing ${this.#path} to disk failed; it takes no more writes: check the disk, then restart the store`,
          { notExecuted: true, cause: error },
        );
      }
    })();
    await this.#syncing;
    if (this.#broken !== undefined) throw this.#broken;
  }

  #syncInBackground(): void {
    // A failure is kept: the next write reports it.
    this.flush().catch(() => undefined);
  }
}

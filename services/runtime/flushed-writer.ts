import type { RootDatabase } from "lmdb";
import { storageError } from "./storage-error.js";

interface Task {
  readonly apply: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit to an LMDB environment that flushes each commit to disk (opened without `noSync`, with
 * {@link flushedLmdbOptions}). The flush happens in a worker thread; what is asked for meanwhile goes together into
 * the next transaction. Order is kept. A group that fails is tried again one by one, so that one too large write
 * fails alone.
 */
export class FlushedWriter {
  readonly #env: RootDatabase;
  readonly #path: string;
  #queue: Task[] = [];
  #draining: Promise<void> | undefined;

  /** `path` is the environment's folder, for error messages. */
  constructor(env: RootDatabase, path: string) {
    this.#env = env;
    this.#path = path;
  }

  /**
   * Runs `work` within a write transaction, later and perhaps more than once, and resolves with its result when that
   * is on disk. What `work` throws undoes it and rejects. Errors: see {@link storageError}.
   */
  run<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let result: T;
      this.#queue.push({
        apply: () => {
          result = work();
        },
        resolve: () => resolve(result),
        reject,
      });
      this.#draining ??= this.#drain();
    });
  }

  /** Resolves when everything asked for so far is on disk or was refused. */
  async flush(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    // Lets the calls of this synchronous run join the first group.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#queue;
      this.#queue = [];
      await this.#commitGroup(group);
    }
    this.#draining = undefined;
  }

  async #commitGroup(group: readonly Task[]): Promise<void> {
    try {
      await this.#commit(group);
    } catch (error) {
      const [only] = group;
      if (only !== undefined && group.length === 1) only.reject(storageError(this.#path, error));
      else for (const task of group) await this.#commitGroup([task]);
      return;
    }
    for (const task of group) task.resolve();
  }

  async #commit(group: readonly Task[]): Promise<void> {
    try {
      // A child transaction: the plain one would commit what was done before an exception.
      await this.#env.childTransaction(() => {
        for (const task of group) task.apply();
      });
    } catch (error) {
      throw await causeOf(error);
    }
  }
}

/**
 * Options with which an environment for a {@link FlushedWriter} is opened. Without `overlappingSync` a commit becomes
 * visible only once it is on disk. `eventTurnBatching` would leave a promise of its own that nobody can handle when a
 * commit fails (lmdb 3.5.6).
 */
export const flushedLmdbOptions: { readonly overlappingSync: false; readonly eventTurnBatching: false } = {
  overlappingSync: false,
  eventTurnBatching: false,
};

/** lmdb-js hides why a commit failed in a promise on its error that is going to reject. */
async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !("commitError" in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (cause) {
    return cause;
  }
}

import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "../../client/index.js";
import { EkvError, type ErrorCode } from "../../services/core/errors.js";
import { backoffs } from "../../services/core/limits.js";
import { Backoff } from "../../services/core/retry/backoff.js";
import { systemRandom } from "../../services/runtime/random.js";
import { formatDuration } from "../quantities.js";
import type { ReadItem, TransferEntry } from "./entry.js";
import { Window } from "./window.js";

/** Writes under way at once, and the bytes they may hold: enough to keep every store busy, little to hold. */
const callsInFlightMax = 1024;
const bytesInFlightMax = 33_554_432;

/**
 * What is over once a store is back. An import's writes are unconditional, so that a second one of the same value does
 * no harm: a write whose outcome is unknown may be repeated, too. A conditional write would be refused by its own first
 * attempt.
 */
const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "OUTCOME_UNKNOWN",
  "UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "MOVED",
]);

/** What an import did so far. Every line counts once, however often it was tried. */
export interface ImportCounts {
  imported: number;
  /** Lines that hold no entry, or one that no store takes. */
  bad: number;
  /** Entries whose time to live was over. */
  expired: number;
  /** Attempts beyond a line's first. */
  repeated: number;
}

/** How entries are written. */
export interface EntryWriterOptions {
  readonly client: Pick<Client<Buffer>, "put">;
  /** Starts nothing more, and repeats nothing, once aborted. */
  readonly signal: AbortSignal;
  /** How long a line is tried again after its first failure, in milliseconds; 0: not at all. */
  readonly repeatForMs: number;
  /** A bad line. May throw, which ends the import. */
  readonly onBad: (line: number, problem: string) => void;
  /** Something that whoever waits should know. */
  readonly onNote: (text: string) => void;
}

/** Writes entries, many at a time; those of one key in their order. */
export class EntryWriter {
  readonly counts: ImportCounts = { imported: 0, bad: 0, expired: 0, repeated: 0 };
  readonly #options: EntryWriterOptions;
  readonly #window = new Window(callsInFlightMax, bytesInFlightMax);
  /** The write under way of each key: the next one waits for it, so that the last line of a key wins. */
  readonly #ofKey = new Map<string, Promise<void>>();

  constructor(options: EntryWriterOptions) {
    this.#options = options;
    // Each write that waits for its next attempt listens; Node takes more than a few for a leak.
    setMaxListeners(callsInFlightMax + 16, options.signal);
  }

  /** Writes every entry; resolves when the last is written. Rejects with the first failure, once nothing is under way. */
  async writeAll(items: AsyncIterable<ReadItem>): Promise<void> {
    try {
      for await (const item of items) {
        if (this.#stopped) break;
        if ("problem" in item) this.#refuse(item.line, item.problem);
        else await this.#start(item.line, item.entry);
      }
    } finally {
      // Also after a bad line: what was sent is finished, so that the counts that are reported are right.
      await this.#window.drain();
    }
  }

  get #stopped(): boolean {
    return this.#options.signal.aborted || this.#window.failed;
  }

  async #start(line: number, entry: TransferEntry): Promise<void> {
    const name = entry.key.toString("latin1");
    await this.#ofKey.get(name);
    await this.#window.start(entry.key.length + entry.value.length, () => {
      const written = this.#write(line, entry).finally(() => this.#ofKey.delete(name));
      this.#ofKey.set(
        name,
        written.catch(() => undefined),
      );
      return written;
    });
  }

  async #write(line: number, entry: TransferEntry): Promise<void> {
    let failedAtMs: number | undefined;
    let backoff: Backoff | undefined;
    for (;;) {
      const ttlMs = entry.expiresAtMs === 0 ? 0 : entry.expiresAtMs - Date.now();
      if (entry.expiresAtMs > 0 && ttlMs <= 0) {
        this.counts.expired += 1;
        return;
      }
      try {
        await this.#options.client.put(entry.key, entry.value, ttlMs > 0 ? { ttlMs } : {});
        this.counts.imported += 1;
        return;
      } catch (error) {
        if (!(error instanceof EkvError)) throw error;
        if (error.code === "INVALID_ARGUMENT") return this.#refuse(line, error.message);
        failedAtMs ??= performance.now();
        const mayRepeat =
          passing.has(error.code) && performance.now() - failedAtMs < this.#options.repeatForMs;
        if (!mayRepeat || this.#stopped) throw atLine(line, error);
        this.#noteRepeat(error);
      }
      backoff ??= new Backoff(backoffs.importWrite, systemRandom);
      await delay(backoff.failed(), undefined, { signal: this.#options.signal }).catch(() => undefined);
      if (this.#stopped) return;
    }
  }

  #refuse(line: number, problem: string): void {
    this.#options.onBad(line, problem);
    this.counts.bad += 1;
  }

  #noteRepeat(error: EkvError): void {
    if (this.counts.repeated === 0) {
      const limit = formatDuration(this.#options.repeatForMs);
      this.#options.onNote(`A write failed (${error.message}). Such writes are repeated for up to ${limit}.`);
    }
    this.counts.repeated += 1;
  }
}

function atLine(line: number, error: EkvError): EkvError {
  return new EkvError(error.code, `line ${line}: ${error.message}`, {
    notExecuted: error.notExecuted,
    cause: error,
  });
}

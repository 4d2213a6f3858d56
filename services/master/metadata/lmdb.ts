import { join } from "node:path";
import { type RootDatabase, open } from "lmdb";
import { EkvError } from "../../core/errors.js";
import type { MetadataChange, MetadataStore } from "../../core/ports/metadata-store.js";
import { FilePresence } from "../../runtime/file-presence.js";
import { FlushedWriter, flushedLmdbOptions } from "../../runtime/flushed-writer.js";
import { makeFolder, syncFolder } from "../../runtime/folder.js";
import { dataGone, freeDiskBytes, storageOpenError } from "../../runtime/storage-error.js";

/**
 * Free space below which commits are refused: less than what stores leave free, so that on a full disk the master can
 * still move data away. LMDB must not come to a page that the disk has no room for: lmdb 3.5.6 writes beyond a heap buffer when
 * it words the error.
 */
const diskReserveBytes = 4_194_304;

function recordsFull(path: string): EkvError {
  return new EkvError(
    "RESOURCE_EXHAUSTED",
    `no space left for the master's records in ${path}: free some on that disk, or enlarge it`,
    { notExecuted: true },
  );
}

class LmdbMetadataStore implements MetadataStore {
  readonly #env: RootDatabase<string, string>;
  readonly #path: string;
  readonly #writer: FlushedWriter;
  readonly #file: FilePresence;
  #closed = false;

  constructor(env: RootDatabase<string, string>, path: string) {
    this.#env = env;
    this.#path = path;
    this.#writer = new FlushedWriter(env, path);
    this.#file = new FilePresence(join(path, "data.mdb"));
  }

  async load(): Promise<ReadonlyMap<string, string>> {
    this.#assertOpen();
    await this.#writer.flush();
    const stored = new Map<string, string>();
    for (const { key, value } of this.#env.getRange({})) stored.set(key, value);
    return stored;
  }

  async commit(changes: readonly MetadataChange[]): Promise<void> {
    this.#assertOpen();
    if (changes.length === 0) return;
    if (!this.#file.isThere) throw dataGone(this.#path);
    if (freeDiskBytes(this.#path) < diskReserveBytes) throw recordsFull(this.#path);
    await this.#writer.run(() => {
      // Within the writer's transaction these take effect at once; their promises say nothing more.
      for (const { key, value } of changes) {
        if (value === undefined) void this.#env.remove(key);
        else void this.#env.put(key, value);
      }
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writer.flush();
    await this.#env.close();
  }

  #assertOpen(): void {
    if (this.#closed) {
      throw new EkvError("UNAVAILABLE", "the metadata store is closed: the master is stopping", {
        notExecuted: true,
      });
    }
  }
}

/**
 * Opens the embedded {@link MetadataStore}, in the folder `path` (made if missing). Keys have 1 to 1900 bytes. Commits
 * reject with `RESOURCE_EXHAUSTED` when the disk is full, `FAILED_PRECONDITION` when the file is not where it was, and `INTERNAL` otherwise; then nothing of them is stored. The
 * caller sees to it that no second process opens the folder (`lockFolder`).
 */
export async function openLmdbMetadataStore(options: { readonly path: string }): Promise<MetadataStore> {
  const { path } = options;
  await makeFolder(path);
  try {
    const env = open<string, string>({ path, encoding: "string", ...flushedLmdbOptions });
    await syncFolder(path);
    return new LmdbMetadataStore(env, path);
  } catch (error) {
    throw storageOpenError(path, error);
  }
}

/** One change of the master's metadata; `value` undefined deletes the key. Values are JSON texts. */
export interface MetadataChange {
  readonly key: string;
  readonly value: string | undefined;
}

/**
 * Where a master keeps every decision before acting on it. Embedded LMDB for one master; etcd for several.
 */
export interface MetadataStore {
  /** Everything stored, by key. */
  load(): Promise<ReadonlyMap<string, string>>;
  /**
   * Commits the changes as a whole; resolves when they survive a power loss. Commits apply in the order of the calls. Rejects
   * with `RESOURCE_EXHAUSTED` when there is no room, and `FAILED_PRECONDITION` when what was stored is not where it was: then
   * nothing of them is stored, and later commits may succeed.
   */
  commit(changes: readonly MetadataChange[]): Promise<void>;
  close(): Promise<void>;
}

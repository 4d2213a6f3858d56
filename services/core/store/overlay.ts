import { keyName } from "./key-name.js";

/** A write that is assigned and not yet committed, as later conditions see it. */
export interface OverlayWrite {
  readonly key: Uint8Array;
  readonly seq: number;
  /** Undefined: deleted. */
  readonly record: Uint8Array | undefined;
}

/**
 * The newest write in flight of each key of a partition. Most partitions have one write in flight or none, so a single one
 * is kept as it is: a name for its key, and an entry in a Map, would cost more than the rest.
 */
export class Overlay {
  /** The only write; undefined with none, or with several. */
  #only: OverlayWrite | undefined;
  #byName: Map<string, OverlayWrite> | undefined;

  get isEmpty(): boolean {
    return this.#only === undefined && this.#byName === undefined;
  }

  get(key: Uint8Array): OverlayWrite | undefined {
    const only = this.#only;
    if (only !== undefined) return isSameKey(only.key, key) ? only : undefined;
    return this.#byName?.get(keyName(key));
  }

  /** Takes a write in, in place of an earlier one of its key. */
  set(write: OverlayWrite): void {
    const only = this.#only;
    if (this.#byName !== undefined) this.#byName.set(keyName(write.key), write);
    else if (only === undefined || isSameKey(only.key, write.key)) this.#only = write;
    else {
      this.#only = undefined;
      this.#byName = new Map([
        [keyName(only.key), only],
        [keyName(write.key), write],
      ]);
    }
  }

  /** Takes a write out, unless a later one of its key has replaced it. */
  delete(write: OverlayWrite): void {
    if (this.#only === write) this.#only = undefined;
    if (this.#byName === undefined) return;
    const name = keyName(write.key);
    if (this.#byName.get(name) !== write) return;
    this.#byName.delete(name);
    if (this.#byName.size === 0) this.#byName = undefined;
  }

  clear(): void {
    this.#only = undefined;
    this.#byName = undefined;
  }
}

function isSameKey(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

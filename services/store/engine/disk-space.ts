import type { Clock } from "../../core/ports/clock.js";
import { diskFull, freeDiskBytes } from "../../runtime/storage-error.js";

const recheckMs = 10;

/**
 * Refuses writes before the disk is full.
 *
 * Two reasons. LMDB copies pages to change them, so that on a full disk even a deletion fails: with a reserve, data can
 * still be deleted or moved away. And lmdb 3.5.6 writes beyond a heap buffer when it words the error of a page write
 * that failed with ENOSPC: it must not come to that.
 */
export class DiskSpace {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #reserveBytes: number;
  #freeBytes = 0;
  #checkedMs = -Infinity;

  /** Keeps `reserveBytes` of the file system of `path` from growing writes, and an eighth of them from all others. */
  constructor(path: string, clock: Clock, reserveBytes: number) {
    this.#path = path;
    this.#clock = clock;
    this.#reserveBytes = reserveBytes;
  }

  /** Accounts for a commit of about `bytes`; throws `RESOURCE_EXHAUSTED` when the disk has no room for it. */
  claim(bytes: number, grows: boolean): void {
    const nowMs = this.#clock.nowMs();
    const keepBytes = grows ? this.#reserveBytes : this.#reserveBytes / 8;
    if (nowMs - this.#checkedMs >= recheckMs || this.#freeBytes - bytes < keepBytes) {
      this.#freeBytes = freeDiskBytes(this.#path);
      this.#checkedMs = nowMs;
    }
    if (this.#freeBytes - bytes < keepBytes) throw diskFull(this.#path);
    this.#freeBytes -= bytes;
  }
}

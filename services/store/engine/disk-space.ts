import type { Clock } from "../../core/ports/clock.js";
import { dataGone, diskFull, freeDiskBytes } from "../../runtime/storage-error.js";

const recheckMs = 10;

/** What a {@link DiskSpace} watches over. */
export interface DiskSpaceOptions {
  /** A folder on the file system. */
  readonly path: string;
  readonly clock: Clock;
  /** Free bytes of the file system that are kept from writes that grow the data. */
  readonly reserveBytes: number;
  /** Bytes of the data file that hold nothing and are going to be used again. */
  readonly reusableBytes: () => number;
  /** Whether the data file is where it was. */
  readonly isThere: () => boolean;
}

/**
 * Refuses writes before the disk is full.
 *
 * Two reasons. LMDB copies pages to change them, so that on a full disk even a deletion fails: with a reserve, data can
 * still be deleted or moved away. And it must not come to a page that the disk has no room for: lmdb 3.5.6 writes beyond a
 * heap buffer when it words the error.
 *
 * The file never shrinks, so on a disk that it filled, growing writes may use what deletions left in it, down to a
 * quarter of the reserve (a long value needs pages in a row, and may not find them). Other writes stop at an eighth.
 */
export class DiskSpace {
  readonly #options: DiskSpaceOptions;
  #freeBytes = 0;
  #reusableBytes = 0;
  #checkedMs = -Infinity;
  #isFull = false;

  constructor(options: DiskSpaceOptions) {
    this.#options = options;
  }

  /**
   * Accounts for a commit of about `bytes`; throws `RESOURCE_EXHAUSTED` when the disk has no room for it, and
   * `FAILED_PRECONDITION` when the file is gone (looked for every 10 ms at most).
   */
  claim(bytes: number, grows: boolean): void {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - this.#checkedMs >= recheckMs || !this.#hasRoom(bytes, grows)) this.#check(nowMs);
    if (!this.#hasRoom(bytes, grows))
      throw diskFull(this.#options.path, { reserveBytes: this.#options.reserveBytes });
    this.#freeBytes -= bytes;
  }

  /**
   * Why writes that grow the data are refused, in words; undefined: they are not. Once told it stands until an eighth of the
   * reserve is free beyond it, so that it does not come and go with every write.
   */
  problem(): string | undefined {
    const { clock, path, reserveBytes } = this.#options;
    try {
      this.#check(clock.nowMs());
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    this.#isFull = !this.#hasRoom(this.#isFull ? reserveBytes / 8 : 1, true);
    return this.#isFull ? `refuses new data: ${diskFull(path, { reserveBytes }).message}` : undefined;
  }

  #hasRoom(bytes: number, grows: boolean): boolean {
    const { reserveBytes } = this.#options;
    if (!grows) return this.#freeBytes - bytes >= reserveBytes / 8;
    if (this.#freeBytes - bytes >= reserveBytes) return true;
    return (
      this.#freeBytes >= reserveBytes / 4 && this.#freeBytes + this.#reusableBytes - bytes >= reserveBytes
    );
  }

  #check(nowMs: number): void {
    const { path, reserveBytes, reusableBytes, isThere } = this.#options;
    if (!isThere()) throw dataGone(path);
    this.#freeBytes = freeDiskBytes(path);
    // Asked for only near the end of the disk.
    this.#reusableBytes = this.#freeBytes < 2 * reserveBytes ? reusableBytes() : 0;
    this.#checkedMs = nowMs;
  }
}

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
  /** Whether the folder is where it was. */
  readonly isThere: () => boolean;
}

/**
 * Refuses writes before the disk is full: a deletion takes room in the log too, and so does cleaning, which makes room. With a
 * reserve, data can still be deleted or moved away. Writes that grow the data leave all of it, others an eighth.
 */
export class DiskSpace {
  readonly #options: DiskSpaceOptions;
  #freeBytes = 0;
  #checkedMs = -Infinity;
  #isFull = false;

  constructor(options: DiskSpaceOptions) {
    this.#options = options;
  }

  /**
   * Accounts for a commit of about `bytes`; throws `RESOURCE_EXHAUSTED` when the disk has no room for it, and
   * `FAILED_PRECONDITION` when the folder is gone (looked for every 10 ms at most).
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

  /** Bytes that data may grow by, as of the last look; below 0: there is less than the reserve. Before it: Infinity. */
  get leftBytes(): number {
    return this.#checkedMs === -Infinity ? Infinity : this.#freeBytes - this.#options.reserveBytes;
  }

  #hasRoom(bytes: number, grows: boolean): boolean {
    const { reserveBytes } = this.#options;
    return this.#freeBytes - bytes >= (grows ? reserveBytes : reserveBytes / 8);
  }

  #check(nowMs: number): void {
    const { path, isThere } = this.#options;
    if (!isThere()) throw dataGone(path);
    this.#freeBytes = freeDiskBytes(path);
    this.#checkedMs = nowMs;
  }
}

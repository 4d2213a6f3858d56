import { closeSync, fstatSync, ftruncateSync, openSync, readSync, statfsSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Timer } from "../../core/ports/clock.js";

/** How far ahead of what LMDB uses the file is grown. */
const aheadBytes = 16 * 1024 * 1024;
/** When less is left it is grown anew: growing it at every look made twenty stores a tenth slower. */
const leftBytesMin = aheadBytes / 2;
/** At a time: half a millisecond. */
const pieceBytes = 1024 * 1024;
const pieceEveryMs = 10;
/** Within what the kernel reads as it is asked to (`read_ahead_kb`, 128 by default). */
const readBytes = 64 * 1024;
/** How long after a commit to look whether LMDB came closer to the end. */
const lookAfterMs = 1000;

const ext4Type = 0xef53;

/** Whether the file system of `path` is one on which {@link SmallFolios} helps. */
export function folioSizeMatters(path: string): boolean {
  return process.platform === "linux" && statfsSync(path).type === ext4Type;
}

/** What a {@link SmallFolios} works on. */
export interface SmallFoliosOptions {
  /** Folder of the LMDB environment. */
  readonly path: string;
  readonly clock: Clock;
  /** Bytes from the start of the file to the end of the last page that LMDB has used so far. */
  readonly usedBytes: () => number;
}

/**
 * Grows the data file ahead of LMDB, so that the kernel caches its pages singly.
 *
 * What is written to new pages in one go, as LMDB does while data grows, stays in the page cache as one large folio, and
 * on ext4 each later write of 4 KiB walks all blocks of its folio (`ext4_block_write_begin`; Linux 6.16 and later). A page
 * that was read before it is first written keeps a folio of its own. So the file gets a sparse tail, which takes no
 * room on the disk, and the tail is read; backwards, for what looks like a file read from front to back the kernel reads
 * ahead, in large folios too.
 *
 * Only for an environment that is written in the thread which calls this: a file that grew between the look at its
 * length and the call that sets it would be cut.
 */
export class SmallFolios {
  readonly #options: SmallFoliosOptions;
  readonly #file: number;
  readonly #read = Buffer.allocUnsafe(readBytes);
  /** Up to here pages were read, or used before they could be. */
  #readUpTo = 0;
  #timer: Timer | undefined;
  #ended = false;

  constructor(options: SmallFoliosOptions) {
    this.#options = options;
    this.#file = openSync(join(options.path, "data.mdb"), "r+");
    this.#growIn(pieceEveryMs, aheadBytes);
  }

  /** LMDB may have used more pages. */
  committed(): void {
    if (this.#timer === undefined && !this.#ended) this.#growIn(lookAfterMs, leftBytesMin);
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    closeSync(this.#file);
  }

  /** Piece by piece, until the file is far enough ahead. */
  #growIn(delayMs: number, enoughBytes: number): void {
    this.#timer = this.#options.clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      try {
        if (this.#growByPiece(enoughBytes)) this.#growIn(pieceEveryMs, aheadBytes);
      } catch {
        // A disk or a limit that LMDB will meet too, and report; without a tail it only writes more slowly.
        this.close();
      }
    });
  }

  /** False: it was far enough ahead. */
  #growByPiece(enoughBytes: number): boolean {
    const used = this.#options.usedBytes();
    const start = Math.max(this.#readUpTo, used);
    if (start >= used + enoughBytes) return false;
    const end = start + pieceBytes;
    if (fstatSync(this.#file).size < end) ftruncateSync(this.#file, end);
    for (let at = end - readBytes; at >= start; at -= readBytes) {
      readSync(this.#file, this.#read, 0, readBytes, at);
    }
    this.#readUpTo = end;
    return true;
  }
}

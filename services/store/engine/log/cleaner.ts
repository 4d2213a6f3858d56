import { limits } from "../../../core/limits.js";
import type { LogIndex } from "./log-index.js";
import type { LogWriter } from "./log-writer.js";
import {
  entryKinds,
  frameHeaderBytes,
  isEntryIntact,
  isEntryWithin,
  kindAt,
  readFrameHeader,
  segmentHeaderBytes,
  sizeAt,
  type Words,
} from "./layout.js";
import type { Segment } from "./segment.js";

/** How large a log may get. */
export interface CleaningBounds {
  /** Bytes of the log per byte that is live. */
  readonly ratio: number;
  /** Bytes beyond that. */
  readonly slackBytes: number;
}

/** Bytes of the oldest segment for each byte that is written, when cleaning begins and when the log is as large as it may be. */
const firstEffort = 2;
const fullEffort = 16;
/** What is cleaned of a log at its bound for each byte that is written, so that it does not grow, and some more: for large batches too. */
const steadyEffort = 3;
/** Share of the slack that files of cleaned segments may take while they wait for a sync to be removed. */
export const retiredShare = 0.25;
/** Cleaning begins at this share of what the log may take beyond its live data. */
const beginShare = 0.7;

const movedKinds: ReadonlyMap<number, number> = new Map([
  [entryKinds.put, entryKinds.movedPut],
  [entryKinds.movedPut, entryKinds.movedPut],
  [entryKinds.counters, entryKinds.movedCounters],
  [entryKinds.movedCounters, entryKinds.movedCounters],
  [entryKinds.meta, entryKinds.movedMeta],
  [entryKinds.movedMeta, entryKinds.movedMeta],
]);

/**
 * Bytes of the oldest segment to go through now, so that the log stays within its bounds.
 *
 * @param written bytes that are being written; 0: nothing is, and there is time
 */
export function decideCleaning(
  log: { readonly bytes: number; readonly liveBytes: number },
  bounds: CleaningBounds,
  written: number,
): number {
  const beyondLive = (bounds.ratio - 1) * log.liveBytes + (1 - retiredShare) * bounds.slackBytes;
  const excess = log.bytes - log.liveBytes - beginShare * beyondLive;
  if (excess <= 0) return 0;
  if (written === 0) return limits.cleaningStepBytesMax;
  const pressure = Math.min(1, excess / ((1 - beginShare) * beyondLive));
  return Math.min(
    Math.max(limits.cleaningStepBytesMax, steadyEffort * written),
    Math.ceil(written * (firstEffort + (fullEffort - firstEffort) * pressure)),
  );
}

/**
 * Goes through the oldest segment, and copies what is live to the end of the log. Always the oldest: so the log keeps the
 * order of the writes, and a deletion leaves it only when nothing older is left that it deletes.
 */
export class Cleaner {
  readonly #index: LogIndex;
  readonly #writer: LogWriter;
  #segment: Segment | undefined;
  #at = 0;
  #frameEnd = 0;
  /** Where damage stopped it; what is behind cannot be told from what it replaced. */
  stoppedAt: { readonly segment: Segment; readonly offset: number } | undefined;

  constructor(index: LogIndex, writer: LogWriter) {
    this.#index = index;
    this.#writer = writer;
  }

  /**
   * Encodes copies of what is live in the next `bytes` of a segment, which is in memory. Call within a batch. Returns whether
   * the segment was gone through; then it may leave once the batch is durable.
   */
  step(segment: Segment, bytes: number): boolean {
    if (this.#segment !== segment) {
      this.#segment = segment;
      this.#at = segmentHeaderBytes;
      this.#frameEnd = segmentHeaderBytes;
    }
    const memory = segment.memory as Words;
    const stop = Math.min(this.#at + bytes, segment.end);
    while (this.#at < segment.end) {
      if (this.#at === this.#frameEnd) {
        const frame = readFrameHeader(memory, this.#at, segment.salt, segment.end);
        if (frame === undefined) return this.#stop(segment);
        this.#at += frameHeaderBytes;
        this.#frameEnd = this.#at + frame.length;
        continue;
      }
      if (this.#at >= stop) return false;
      if (!segment.isVerified && !isWhole(memory.words, this.#at, this.#frameEnd, segment.salt))
        return this.#stop(segment);
      const kind = movedKinds.get(kindAt(memory.words, this.#at));
      if (kind !== undefined && this.#index.isLive(segment, this.#at)) {
        this.#writer.addMoved(memory, this.#at, kind);
      }
      this.#at += sizeAt(memory.words, this.#at);
    }
    this.#segment = undefined;
    return true;
  }

  /** The last step was not written: it is to be taken again. */
  restart(): void {
    this.#segment = undefined;
  }

  #stop(segment: Segment): false {
    this.stoppedAt = { segment, offset: this.#at };
    return false;
  }
}

function isWhole(words: Int32Array, at: number, end: number, salt: number): boolean {
  return isEntryWithin(words, at, end) && isEntryIntact(words, at, salt);
}

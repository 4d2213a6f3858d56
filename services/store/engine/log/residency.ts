import type { Clock, Timer } from "../../../core/ports/clock.js";
import {
  frameHeaderBytes,
  isEntryIntact,
  isEntryWithin,
  readFrameHeader,
  segmentHeaderBytes,
  sizeAt,
  type Words,
} from "./layout.js";
import type { Segment } from "./segment.js";

/** Between looks for a segment on the disk that is read more than one in memory, in milliseconds. */
const lookMs = 250;
/** A segment comes in from the disk when it is read so many times as often as the one that leaves for it. */
const swapRatio = 2;
const swapReadsMin = 64;
/** Bytes of a segment whose checksums are compared in one turn of the event loop. */
const verifyBytes = 1_048_576;

/** What decides on memory. */
export interface ResidencyOptions {
  readonly clock: Clock;
  /** Bytes of segments that may be in memory, at this moment. */
  readonly bytesMax: () => number;
  /** Of the log, ascending. */
  readonly segments: () => readonly Segment[];
  /** Must stay in memory: it is written to, taken up or cleaned. */
  readonly isPinned: (segment: Segment) => boolean;
}

/**
 * Decides which segments are in memory and which on the disk alone, where a look-up costs a read. The coldest leave: those
 * that were looked into least of late.
 */
export class Residency {
  readonly #options: ResidencyOptions;
  #timer: Timer | undefined;
  #loading: Promise<void> | undefined;
  #stopped = false;

  constructor(options: ResidencyOptions) {
    this.#options = options;
  }

  /** Bytes of segments in memory. */
  get bytes(): number {
    let bytes = 0;
    for (const segment of this.#options.segments()) bytes += segment.residentBytes;
    return bytes;
  }

  /** Leaves the coldest segments on the disk until the rest fits into `bytesMax` less `room`. */
  limit(room = 0): void {
    const bytesMax = this.#options.bytesMax() - room;
    let bytes = this.bytes;
    while (bytes > bytesMax) {
      const coldest = this.#coldest();
      if (coldest === undefined) return;
      bytes -= coldest.residentBytes;
      coldest.memory = undefined;
    }
  }

  /** A look-up went to the disk. */
  readCold(): void {
    if (this.#stopped) return;
    this.#timer ??= this.#options.clock.setTimer(lookMs, () => {
      this.#timer = undefined;
      this.#look();
    });
  }

  /** Brings segments into memory while there is room, newest first: after a start they are all on the disk. */
  async warm(): Promise<void> {
    for (const segment of this.#options.segments().toReversed()) {
      if (this.#stopped) return;
      if (segment.memory !== undefined) {
        if (!segment.isVerified) await this.#verify(segment, segment.memory);
        continue;
      }
      if (this.bytes + segment.end > this.#options.bytesMax()) return;
      await this.load(segment);
    }
  }

  /** Brings a segment into memory. Rejects with what the disk says. */
  async load(segment: Segment): Promise<void> {
    while (this.#loading !== undefined) await this.#loading.catch(() => undefined);
    if (this.#stopped || segment.memory !== undefined) return;
    // It may have left the log meanwhile, and its file be closed.
    if (!this.#options.segments().includes(segment)) return;
    this.#loading = this.#load(segment).finally(() => (this.#loading = undefined));
    await this.#loading;
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#loading?.catch(() => undefined);
  }

  async #load(segment: Segment): Promise<void> {
    segment.retain();
    try {
      const memory = await segment.readWhole();
      if (this.#stopped || !this.#options.segments().includes(segment)) return;
      segment.isVerified = false;
      segment.memory = memory;
      await this.#verify(segment, memory);
    } finally {
      segment.release();
    }
  }

  /** Until all checksums were compared, every look-up compares its own. */
  async #verify(segment: Segment, memory: Words): Promise<void> {
    let at = segmentHeaderBytes;
    while (at < segment.end) {
      const stop = at + verifyBytes;
      while (at < segment.end && at < stop) {
        const frame = readFrameHeader(memory, at, segment.salt, segment.end);
        if (frame === undefined) return;
        const end = at + frameHeaderBytes + frame.length;
        for (at += frameHeaderBytes; at < end; at += sizeAt(memory.words, at)) {
          if (!isEntryWithin(memory.words, at, end) || !isEntryIntact(memory.words, at, segment.salt)) {
            segment.damaged.add(at);
            return;
          }
        }
      }
      await new Promise<void>((resolve) => this.#options.clock.endOfTurn(resolve));
      if (this.#stopped || segment.memory !== memory) return;
    }
    segment.isVerified = true;
  }

  #look(): void {
    const segments = this.#options.segments();
    const [hottest] = segments
      .filter((segment) => segment.memory === undefined && segment.damaged.size === 0)
      .toSorted((a, b) => b.reads - a.reads);
    if (hottest === undefined) return;
    let isWanted = this.bytes + hottest.end <= this.#options.bytesMax();
    if (!isWanted) {
      const coldest = this.#coldest();
      isWanted =
        coldest !== undefined && hottest.reads >= swapReadsMin && hottest.reads > swapRatio * coldest.reads;
      if (isWanted) this.limit(hottest.end);
    }
    for (const segment of segments) segment.reads = Math.floor(segment.reads / 2);
    if (!isWanted) return;
    // What the disk refuses stays there: whoever looks into it is told.
    this.load(hottest).then(
      () => this.readCold(),
      () => undefined,
    );
  }

  #coldest(): Segment | undefined {
    let coldest: Segment | undefined;
    for (const segment of this.#options.segments()) {
      if (segment.memory === undefined || segment.file === undefined || this.#options.isPinned(segment))
        continue;
      if (coldest === undefined || segment.reads < coldest.reads) coldest = segment;
    }
    return coldest;
  }
}

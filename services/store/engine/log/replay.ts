import { EkvError } from "../../../core/errors.js";
import {
  allocateWords,
  type FrameHeader,
  formatVersion,
  frameHeaderBytes,
  isEntryIntact,
  isEntryWithin,
  isKeyWithin,
  linkAt,
  readFrameHeader,
  readSegmentHeader,
  segmentHeaderBytes,
  type SegmentHeader,
  sizeAt,
  type Words,
} from "./layout.js";
import type { LogEnd } from "./checkpoint.js";
import type { LogFile, LogFolder } from "./log-folder.js";
import type { LogIndex } from "./log-index.js";
import type { EntryRun } from "./log-writer.js";
import { Segment, segmentName, segmentNumberOf } from "./segment.js";

/** A place of the log that did not hold what was written there. */
export interface LogDamage {
  readonly file: string;
  readonly offset: number;
  /** What is wrong there, for people. */
  readonly what: string;
}

/** What opening a log found. */
export interface ReplayReport {
  /** Bytes at the end of the log that no sync had covered, and that a kill or a power loss left in pieces. */
  readonly tornBytes: number;
  readonly damages: readonly LogDamage[];
}

/** A log that was read. */
export interface ReplayedLog extends ReplayReport, LogEnd {
  /** Ascending. All are in the index's map. */
  readonly segments: readonly Segment[];
  /** Highest number of a segment's file; 0: there is none. */
  readonly lastNumber: number;
  /** Bytes that were read beyond the checkpoint. */
  readonly replayedBytes: number;
  /** The segment to go on in; undefined: a new one. */
  readonly tail: Segment | undefined;
}

/** How a log is read. */
export interface ReplayOptions {
  readonly folder: LogFolder;
  readonly index: LogIndex;
  /** Bytes of the segment that the log goes on in. */
  readonly segmentBytes: number;
  /** Bytes of segments that may stay in memory. */
  readonly memoryBytes: number;
  /** Where to begin: behind these, which a checkpoint covers. */
  readonly covered: readonly Segment[];
  /** Salts of segments, from a checkpoint: for those whose own header is damaged. */
  readonly salts: ReadonlyMap<number, number>;
  /** Batches up to this one are known to have been durable: by a checkpoint, believed or not. */
  readonly knownDurable: number;
  /** Where the checkpoint ends that the index holds; undefined: it holds none. */
  readonly end: LogEnd | undefined;
  /** Called as it goes on. */
  readonly progress: (bytes: number, ofBytes: number) => void;
}

interface Place {
  readonly segment: Segment;
  readonly offset: number;
}

/** The frame that may come next. Undefined: any. */
interface Expected {
  readonly batch: number;
  readonly part: number;
  /** Undefined: any. */
  readonly link: number | undefined;
}

/** A tail of the log up to this long is replayed with what is before it on the disk alone. */
const warmTailBytes = 1_048_576;

/** Numbers of the segments whose files are in a folder, ascending. */
export function segmentNumbersIn(folder: LogFolder): number[] {
  return folder
    .list()
    .map(segmentNumberOf)
    .filter((number) => number !== undefined)
    .toSorted((a, b) => a - b);
}

/** The header of a segment's file; undefined when it has none. Throws `FAILED_PRECONDITION` for a newer format. */
export function headerOf(folder: LogFolder, file: LogFile, number: number): SegmentHeader | undefined {
  const words = allocateWords(segmentHeaderBytes);
  if (file.read(words.bytes, 0) < segmentHeaderBytes) return undefined;
  const header = readSegmentHeader(words);
  if (header === undefined || header.number !== number) return undefined;
  if (header.format > formatVersion)
    throw newerFormat(`${folder.path}/${segmentName(number)}`, header.format);
  return header;
}

/** The refusal of data that a newer version of the program wrote. */
export function newerFormat(file: string, format: number): EkvError {
  return new EkvError(
    "FAILED_PRECONDITION",
    `${file} has format ${format}; this version of Elastic-KV knows up to ${formatVersion}: start the version that wrote it, or a ` +
      "newer one",
    { notExecuted: true },
  );
}

/** Reads a log from where its checkpoint ends, or from its beginning, into the index. */
export class Replay {
  readonly #options: ReplayOptions;
  readonly #segments: Segment[] = [];
  readonly #damages: LogDamage[] = [];
  #expected: Expected | undefined;
  #batch: number;
  /** Of the last frame of that batch. */
  #link: number;
  /** Frames of a batch whose last is yet to come. */
  #pending: EntryRun[] = [];
  #pendingStart: Place | undefined;
  #later: Segment[] = [];
  readonly #headers = new Map<Segment, SegmentHeader>();
  #torn: Place | undefined;
  /** Where reading goes on behind damage. */
  #resume: Place | undefined;

  constructor(options: ReplayOptions) {
    this.#options = options;
    const { end } = options;
    this.#batch = end?.batch ?? 0;
    this.#link = end?.link ?? 0;
    this.#expected = end && { batch: end.batch + 1, part: 0, link: end.link };
  }

  /** Rejects with the system's error, or as {@link headerOf}. */
  async run(): Promise<ReplayedLog> {
    const { folder, index, covered, progress } = this.#options;
    const numbers = segmentNumbersIn(folder);
    const last = covered.at(-1);
    this.#segments.push(...covered);
    const todo = numbers.filter((number) => last === undefined || number > last.number);
    this.#later = this.#openAll(todo);
    const ofBytes = this.#later.reduce((sum, { end }) => sum + end, 0);
    let bytes = 0;
    let replayedBytes = ofBytes;
    index.segments.toleratesDamage = true;
    if (last !== undefined) {
      const tailBytes = (last.file?.size() ?? last.end) - last.end + ofBytes;
      replayedBytes = tailBytes;
      if (tailBytes > warmTailBytes) await this.#warm(tailBytes);
      await this.#replaySegment(last, last.end);
    }
    while (this.#torn === undefined) {
      const segment = this.#later[0];
      if (segment === undefined) break;
      bytes += segment.end;
      await this.#replayNext(segment);
      progress(bytes, ofBytes);
    }
    index.segments.toleratesDamage = false;
    const tornBytes = await this.#cutOff();
    const tail = await this.#prepareTail();
    return {
      segments: this.#segments,
      batch: this.#batch,
      link: this.#link,
      lastNumber: this.#segments.at(-1)?.number ?? 0,
      replayedBytes,
      tail,
      tornBytes,
      damages: this.#damages,
    };
  }

  /** Brings what the checkpoint covers into memory: keys of the tail are compared with keys there, one by one. */
  async #warm(tailBytes: number): Promise<void> {
    let room = this.#options.memoryBytes - this.#options.index.byteLength - tailBytes;
    for (const segment of this.#options.covered.slice(0, -1).toReversed()) {
      room -= segment.end;
      if (room < 0) return;
      segment.memory = await segment.readWhole();
    }
  }

  #openAll(numbers: readonly number[]): Segment[] {
    const { folder } = this.#options;
    return numbers.map((number) => {
      const file = folder.open(segmentName(number));
      const header = headerOf(folder, file, number);
      const salt = header?.salt ?? this.#options.salts.get(number) ?? this.#saltFromNext(number);
      const end = salt === undefined ? 0 : file.size();
      const state = { file, memory: undefined, end, isVerified: false };
      const segment = new Segment(folder.path, number, salt ?? 0, state);
      if (header !== undefined) this.#headers.set(segment, header);
      return segment;
    });
  }

  /** The salt of a segment whose header is damaged, as the next one knows it. */
  #saltFromNext(number: number): number | undefined {
    const { folder } = this.#options;
    const name = segmentName(number + 1);
    if (!folder.list().includes(name)) return undefined;
    const file = folder.open(name);
    const salt = headerOf(folder, file, number + 1)?.previousSalt;
    file.close();
    return salt;
  }

  async #replayNext(segment: Segment): Promise<void> {
    const before = this.#segments.at(-1);
    const header = this.#headers.get(segment);
    // The oldest segment tells what the log begins with: those before it were removed when they were not needed.
    if (before === undefined && header !== undefined) this.#expected ??= { ...header, link: undefined };
    const wrong = this.#wrongWith(before, segment.number, header);
    if (wrong !== undefined) {
      if (!(await this.#isDamage({ segment, offset: 0 }, wrong))) return;
      this.#resume = undefined;
    }
    this.#later.shift();
    this.#options.index.segments.add(segment);
    this.#segments.push(segment);
    if (segment.end > segmentHeaderBytes) await this.#replaySegment(segment, segmentHeaderBytes);
  }

  #wrongWith(
    before: Segment | undefined,
    number: number,
    header: SegmentHeader | undefined,
  ): string | undefined {
    if (before !== undefined && number !== before.number + 1) return "the file before it is missing";
    if (header === undefined) return "its header is damaged";
    return this.#fits({ ...header, link: undefined }) ? undefined : "batches before it are missing";
  }

  async #replaySegment(segment: Segment, from: number): Promise<void> {
    segment.end = segment.file?.size() ?? segment.end;
    segment.memory ??= await segment.readWhole();
    let at: number | undefined = from;
    while (at !== undefined && at < segment.end) at = await this.#replayFrame(segment, at);
    segment.isVerified = from === segmentHeaderBytes && segment.damaged.size === 0;
    this.#limitMemory();
  }

  /** Returns where to go on; undefined: not in this segment. */
  async #replayFrame(segment: Segment, at: number): Promise<number | undefined> {
    const memory = segment.memory as Words;
    const frame = readFrameHeader(memory, at, segment.salt, segment.end);
    const start = at + frameHeaderBytes;
    if (frame === undefined || !this.#fits(frame)) {
      const what =
        frame === undefined ? "the checksum of a batch does not hold" : "a batch is missing before it";
      return (await this.#isDamage({ segment, offset: at }, what)) ? this.#resumeIn(segment) : undefined;
    }
    const end = start + frame.length;
    const bad = firstBadEntry(memory.words, start, end, segment.salt);
    if (bad !== undefined) {
      const what = "the checksum of a record does not hold";
      if (!(await this.#isDamage({ segment, offset: at }, what, { frame, entry: bad }))) return undefined;
    }
    this.#take(frame, { segment, start, end }, at);
    return end;
  }

  #fits({ batch, part, link }: Expected): boolean {
    const expected = this.#expected;
    if (expected === undefined) return true;
    const isTied = link === undefined || expected.link === undefined || link === expected.link;
    return isTied && expected.batch === batch && expected.part === part;
  }

  #take(frame: FrameHeader, run: EntryRun, at: number): void {
    this.#pendingStart ??= { segment: run.segment, offset: at };
    this.#pending.push(run);
    const link = linkAt((run.segment.memory as Words).words, at);
    this.#expected = { batch: frame.batch, part: frame.part + 1, link };
    if (!frame.isLast) return;
    this.#applyPending();
    this.#batch = frame.batch;
    this.#link = link;
    this.#expected = { batch: frame.batch + 1, part: 0, link };
  }

  #applyPending(): void {
    for (const { segment, start, end } of this.#pending) applyRun(this.#options.index, segment, start, end);
    this.#pending = [];
    this.#pendingStart = undefined;
  }

  /** Where a damaged segment goes on; undefined: in a later one. */
  #resumeIn(segment: Segment): number | undefined {
    const resume = this.#resume;
    this.#resume = undefined;
    return resume?.segment === segment ? resume.offset : undefined;
  }

  /**
   * What cannot be read at a place is either what a kill or a power loss left of the last batches, or damage to what was durable. A
   * frame behind it that was written when this batch was durable tells.
   *
   * @param bad an entry of a frame at the place whose header holds: then the frame is used, but for what is damaged
   */
  async #isDamage(
    place: Place,
    what: string,
    bad?: { readonly frame: FrameHeader; readonly entry: number },
  ): Promise<boolean> {
    const batch = bad?.frame.batch ?? this.#expected?.batch ?? 1;
    const found = await this.#findLater(place, batch, bad !== undefined);
    if (Math.max(found.durable, this.#options.knownDurable) < batch) {
      this.#torn = this.#pendingStart ?? place;
      return false;
    }
    const file = `${this.#options.folder.path}/${segmentName(place.segment.number)}`;
    const offset = bad?.entry ?? place.offset;
    this.#damages.push({ file, offset, what });
    place.segment.damaged.add(offset);
    if (bad !== undefined) return true;
    // Of batches that are not whole, what can be read counts.
    this.#applyPending();
    this.#salvage(place, found.next);
    this.#resume = found.next;
    this.#expected = undefined;
    if (found.next === undefined) this.#batch = Math.max(this.#batch, this.#options.knownDurable);
    return true;
  }

  /** Takes up the records that are whole between a damaged frame header and the next frame. */
  #salvage({ segment, offset }: Place, next: Place | undefined): void {
    if (segment.memory === undefined) return;
    const end = next?.segment === segment ? next.offset : segment.end;
    applyRun(this.#options.index, segment, offset + frameHeaderBytes, end);
  }

  /** The first whole frame header behind a place, and the highest durable batch that any tells. */
  async #findLater(
    place: Place,
    batch: number,
    skipsFirst: boolean,
  ): Promise<{ readonly next: Place | undefined; readonly durable: number }> {
    let next: Place | undefined;
    let durable = 0;
    const scan = (segment: Segment, from: number): void => {
      const memory = segment.memory as Words;
      for (let at = from; at + frameHeaderBytes <= segment.end; at += 8) {
        const frame = readFrameHeader(memory, at, segment.salt, segment.end);
        if (frame === undefined || frame.batch < batch) continue;
        next ??= { segment, offset: at };
        durable = Math.max(durable, frame.durableBatch);
        at += frameHeaderBytes + frame.length - 8;
      }
    };
    if (place.segment.memory !== undefined) scan(place.segment, place.offset + (skipsFirst ? 8 : 0));
    for (const segment of this.#later) {
      if (segment.end < segmentHeaderBytes || (segment === place.segment && segment.memory !== undefined))
        continue;
      segment.memory ??= await segment.readWhole();
      scan(segment, segmentHeaderBytes);
    }
    return { next, durable };
  }

  /** Removes what is in pieces at the end. Returns how many bytes those were. */
  async #cutOff(): Promise<number> {
    const { folder, index } = this.#options;
    // The end of the log may lack the last part of a batch without anything behind it.
    const torn = this.#torn ?? this.#pendingStart;
    if (torn === undefined) return 0;
    let bytes = 0;
    const gone = [...this.#segments.filter(({ number }) => number > torn.segment.number), ...this.#later];
    if (torn.offset <= segmentHeaderBytes) gone.unshift(torn.segment);
    else {
      bytes += torn.segment.end - torn.offset;
      torn.segment.file?.truncate(torn.offset);
      torn.segment.end = torn.offset;
      await torn.segment.file?.sync();
    }
    // From the last: should this be cut short, no gap is left.
    for (const segment of new Set(gone.toReversed())) {
      bytes += segment.file?.size() ?? segment.end;
      await folder.remove(segmentName(segment.number));
      await folder.sync();
      if (this.#segments.includes(segment)) index.segments.remove(segment);
      segment.release();
    }
    const kept = this.#segments.filter((segment) => !gone.includes(segment));
    this.#segments.splice(0, this.#segments.length, ...kept);
    return bytes;
  }

  /** The last segment, in memory with room for more; undefined when it has no room, or is damaged. */
  async #prepareTail(): Promise<Segment | undefined> {
    const tail = this.#segments.at(-1);
    if (tail === undefined || tail.damaged.size > 0) return undefined;
    const whole = tail.memory ?? (await tail.readWhole());
    if (whole.bytes.length < this.#options.segmentBytes) {
      const roomy = allocateWords(this.#options.segmentBytes);
      whole.bytes.copy(roomy.bytes, 0, 0, tail.end);
      tail.memory = roomy;
    } else tail.memory = whole;
    return tail;
  }

  #limitMemory(): void {
    let bytes = this.#options.index.byteLength;
    for (const segment of this.#segments.toReversed()) {
      bytes += segment.residentBytes;
      if (bytes > this.#options.memoryBytes && !this.#pending.some((run) => run.segment === segment)) {
        segment.memory = undefined;
      }
    }
  }
}

/**
 * Takes up the entries of a frame. Behind one that is damaged its length cannot be relied on: what follows is looked for in
 * steps of 8 bytes, in which each entry begins.
 */
export function applyRun(index: LogIndex, segment: Segment, start: number, end: number): void {
  const { words } = segment.memory as Words;
  const isSound = segment.damaged.size === 0;
  /** Whether an entry must begin here: the one before was whole. */
  let isStart = true;
  for (let at = start; at < end;) {
    if (isSound || (isEntryWithin(words, at, end) && isEntryIntact(words, at, segment.salt))) {
      index.apply(segment, at);
      at += sizeAt(words, at);
      isStart = true;
    } else {
      if (isStart) segment.damaged.add(at);
      if (isStart && isKeyWithin(words, at, end)) index.applyDamaged(segment, at);
      at += 8;
      isStart = false;
    }
  }
}

/** Where the first entry is that is damaged; undefined: all hold. */
function firstBadEntry(words: Int32Array, start: number, end: number, salt: number): number | undefined {
  for (let at = start; at < end; at += sizeAt(words, at)) {
    if (!isEntryWithin(words, at, end) || !isEntryIntact(words, at, salt)) return at;
  }
  return undefined;
}

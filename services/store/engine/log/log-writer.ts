import { EkvError } from "../../../core/errors.js";
import type { Random } from "../../../core/ports/random.js";
import type { EngineWrite, RecordColumns } from "../../../core/ports/storage-engine.js";
import {
  allocateWords,
  copyEntry,
  entryBytes,
  entryKinds,
  type EntrySource,
  frameHeaderBytes,
  linkAt,
  segmentHeaderBytes,
  sizeAt,
  type Words,
  writeEntry,
  writeFrameHeader,
  writeSegmentHeader,
} from "./layout.js";
import type { LogFile, LogFolder } from "./log-folder.js";
import { Segment, segmentName } from "./segment.js";
import { segmentsMax } from "./segments.js";

const noBytes = new Uint8Array(0);

/** Entries that lie in a row, without a header between them. */
export interface EntryRun {
  readonly segment: Segment;
  readonly start: number;
  readonly end: number;
}

/** What is going to a segment by one write. */
interface Stretch {
  readonly segment: Segment;
  readonly from: number;
  /** Moves on as entries are encoded. */
  at: number;
}

/** A segment that was made for a write that failed: its number and file are used for the next. */
interface Spare {
  readonly number: number;
  readonly file: LogFile | undefined;
}

/** Something to be written as one batch. */
export interface Append {
  /** About how many bytes it takes. 0: it is cleaning alone. */
  readonly bytes: number;
  encode(writer: LogWriter): void;
}

/** What an append did. */
export interface Appended {
  readonly runs: readonly EntryRun[];
  /** Segments that it began. */
  readonly made: readonly Segment[];
}

/** How a log is written. */
export interface LogWriterOptions {
  /** Undefined: the log is in memory alone. */
  readonly folder: LogFolder | undefined;
  readonly random: Random;
  /** Bytes of the next segment. */
  readonly segmentBytes: () => number;
  /** Number of the oldest segment. */
  readonly firstNumber: () => number;
  /** Called for every file that was cut back to where it was: a power loss must not bring back what was there. */
  readonly onUndone: (file: LogFile | Segment) => void;
  /** What was written in vain cannot be taken back: nothing may be written any more. */
  readonly onBroken: (cause: unknown) => void;
}

/**
 * The end of the log: encodes batches there, and writes them.
 *
 * A batch is one frame, or one in each of several segments. A segment without room for the next entry stays as it is.
 */
export class LogWriter {
  readonly #options: LogWriterOptions;
  #nextNumber = 1;
  #spares: Spare[] = [];
  #tail: Segment | undefined;
  #batch = 0;
  /** Of the last frame: what the next one carries. */
  #link = 0;

  /** Of the append that is being encoded. */
  #stretches: Stretch[] = [];
  /** The last of them. */
  #stretch: Stretch | undefined;
  #made: Segment[] = [];
  #runs: EntryRun[] = [];
  #batchesEncoded = 0;
  #part = 0;
  #frameStart = 0;
  #durableBatch = 0;

  constructor(options: LogWriterOptions) {
    this.#options = options;
  }

  /**
   * Goes on behind a log that was opened.
   *
   * @param lastNumber of a segment; 0: there is none
   */
  resume(tail: Segment | undefined, batch: number, link: number, lastNumber: number): void {
    this.#tail = tail;
    this.#batch = batch;
    this.#link = link;
    this.#nextNumber = lastNumber + 1;
  }

  /** The segment that is written to; undefined before the first batch. */
  get tail(): Segment | undefined {
    return this.#tail;
  }

  /** Number of the last batch that was written. */
  get batch(): number {
    return this.#batch;
  }

  /** What ties the next frame to the last; see `layout.ts`. */
  get link(): number {
    return this.#link;
  }

  /**
   * Encodes batches and writes them: one system call, or one for each segment. When it throws, nothing was written.
   *
   * @param durableBatch batches up to this one are durable by now
   * @param encode calls `beginBatch`, `add` and its like, and `endBatch`, for each batch
   */
  append(durableBatch: number, encode: () => void): Appended {
    this.#stretches = [];
    this.#stretch = undefined;
    this.#made = [];
    this.#runs = [];
    this.#batchesEncoded = 0;
    this.#durableBatch = durableBatch;
    const link = this.#link;
    if (this.#tail !== undefined) this.#enter(this.#tail, this.#tail.end, this.#tail.end);
    try {
      encode();
      for (const { segment, from, at } of this.#stretches) {
        // A view of these bytes would cost as much as the system call spends on them.
        if (at > from) segment.file?.write((segment.memory as Words).bytes, from, from, at);
      }
    } catch (error) {
      this.#link = link;
      this.#undo();
      throw error;
    }
    for (const { segment, at } of this.#stretches) segment.end = at;
    this.#tail = this.#stretches.at(-1)?.segment;
    this.#batch += this.#batchesEncoded;
    return { runs: this.#runs, made: this.#made };
  }

  /**
   * Makes the first segment of an empty log, so that its name is durable before anything is written: then the oldest
   * segment that is found later is the oldest there is.
   */
  async begin(): Promise<Segment> {
    this.#makeSegment(0);
    const [segment] = this.#made.splice(0) as [Segment];
    this.#stretches = [];
    segment.file?.write((segment.memory as Words).bytes, 0, 0, segment.end);
    await segment.sync();
    await this.#options.folder?.sync();
    this.#tail = segment;
    return segment;
  }

  beginBatch(): void {
    this.#part = 0;
    this.#batchesEncoded += 1;
    this.#openFrame();
  }

  /** Encodes one write of the batch. */
  add(write: EngineWrite): void {
    switch (write.kind) {
      case "put":
        return this.#add(entryKinds.put, write.partition, write.generation, write.key, write.record);
      case "puts":
        return this.#addColumns(write.partition, write.generation, write.columns);
      case "delete":
        return this.#add(entryKinds.delete, write.partition, write.generation, write.key, write.record);
      case "counters":
        return this.#add(entryKinds.counters, write.partition, write.generation, noBytes, write.value);
      case "meta":
        return write.value === undefined
          ? this.#add(entryKinds.metaDelete, 0, 0, Buffer.from(write.name), noBytes)
          : this.#add(entryKinds.meta, 0, 0, Buffer.from(write.name), write.value);
    }
  }

  /** Encodes the end of a generation. */
  addDrop(partition: number, generation: number): void {
    this.#add(entryKinds.drop, partition, generation, noBytes, noBytes);
  }

  /** Encodes a copy of an entry that stays while its segment goes. */
  addMoved(source: Words, offset: number, kind: number): void {
    const stretch = this.#roomFor(sizeAt(source.words, offset));
    const { segment } = stretch;
    stretch.at = copyEntry(segment.memory as Words, stretch.at, segment.salt, kind, source, offset);
  }

  endBatch(): void {
    this.#closeFrame(true);
  }

  /** Closes the files that no batch was written to. */
  close(): void {
    for (const { file } of this.#spares.splice(0)) file?.close();
  }

  #add(kind: number, partition: number, generation: number, key: Uint8Array, record: Uint8Array): void {
    this.#addEntry(kind, partition, generation, {
      keys: key,
      keyStart: 0,
      keyEnd: key.length,
      records: record,
      recordStart: 0,
      recordEnd: record.length,
    });
  }

  #addColumns(
    partition: number,
    generation: number,
    { keys, keyLengths, records, recordLengths }: RecordColumns,
  ): void {
    const source = { keys, keyStart: 0, keyEnd: 0, records, recordStart: 0, recordEnd: 0 };
    for (let i = 0; i < keyLengths.length; i += 1) {
      source.keyEnd += keyLengths[i] as number;
      source.recordEnd += recordLengths[i] as number;
      this.#addEntry(entryKinds.put, partition, generation, source);
      source.keyStart = source.keyEnd;
      source.recordStart = source.recordEnd;
    }
  }

  #addEntry(kind: number, partition: number, generation: number, source: EntrySource): void {
    const { keyStart, keyEnd, recordStart, recordEnd } = source;
    const stretch = this.#roomFor(entryBytes(keyEnd - keyStart, recordEnd - recordStart));
    const { segment } = stretch;
    const { words } = segment.memory as Words;
    stretch.at = writeEntry(words, stretch.at, segment.salt, kind, partition, generation, source);
  }

  /** Where the next entry goes, of so many bytes; the batch goes on in a new segment when it has to. */
  #roomFor(bytes: number): Stretch {
    const stretch = this.#stretch as Stretch;
    if (stretch.at + bytes <= stretch.segment.capacity) return stretch;
    this.#closeFrame(false);
    this.#makeSegment(bytes);
    return this.#openFrame();
  }

  #openFrame(): Stretch {
    let stretch = this.#stretch;
    if (stretch === undefined || stretch.at + frameHeaderBytes > stretch.segment.capacity) {
      stretch = this.#makeSegment(0);
    }
    this.#frameStart = stretch.at;
    stretch.at += frameHeaderBytes;
    return stretch;
  }

  #closeFrame(isLast: boolean): void {
    const stretch = this.#stretch as Stretch;
    const { segment, at } = stretch;
    const start = this.#frameStart + frameHeaderBytes;
    // A part without entries says nothing: the batch begins in the next segment.
    if (at === start && !isLast) {
      stretch.at = this.#frameStart;
      return;
    }
    writeFrameHeader(segment.memory as Words, this.#frameStart, segment.salt, {
      length: at - start,
      batch: this.#batch + this.#batchesEncoded,
      part: this.#part,
      isLast,
      durableBatch: this.#durableBatch,
      link: this.#link,
    });
    this.#link = linkAt((segment.memory as Words).words, this.#frameStart);
    this.#part += 1;
    this.#runs.push({ segment, start, end: at });
  }

  #makeSegment(entry: number): Stretch {
    const { folder, random, segmentBytes } = this.#options;
    const { number, file } = this.#spares.shift() ?? this.#makeFile(folder);
    const size = Math.max(segmentBytes(), segmentHeaderBytes + frameHeaderBytes + entry);
    const salt = Number.parseInt(random.hex(4), 16) | 0;
    const memory = allocateWords(size);
    const state = { file, memory, end: segmentHeaderBytes, isVerified: true };
    const segment = new Segment(folder?.path ?? "memory", number, salt, state);
    // Outside of a batch, the next one.
    const batch = this.#batch + Math.max(this.#batchesEncoded, 1);
    const previousSalt = (this.#made.at(-1) ?? this.#tail)?.salt ?? 0;
    writeSegmentHeader(memory, { number, salt, previousSalt, batch, part: this.#part });
    this.#made.push(segment);
    return this.#enter(segment, 0, segmentHeaderBytes);
  }

  #makeFile(folder: LogFolder | undefined): Spare {
    const number = this.#nextNumber;
    if (number - this.#options.firstNumber() >= segmentsMax) throw logFull(folder);
    const file = folder?.create(segmentName(number));
    this.#nextNumber += 1;
    return { number, file };
  }

  #enter(segment: Segment, from: number, at: number): Stretch {
    const stretch = { segment, from, at };
    this.#stretches.push(stretch);
    this.#stretch = stretch;
    return stretch;
  }

  /** Takes back what reached the files: left there, it might pass for batches behind the next ones. */
  #undo(): void {
    this.#spares.unshift(...this.#made.map(({ number, file }) => ({ number, file })));
    try {
      for (const { segment } of this.#stretches) {
        const isSpare = this.#made.includes(segment);
        segment.file?.truncate(isSpare ? 0 : segment.end);
        // A spare's file outlives its segment.
        this.#options.onUndone(isSpare && segment.file !== undefined ? segment.file : segment);
      }
    } catch (cause) {
      this.#options.onBroken(cause);
    }
  }
}

/** The refusal of a write that needs one segment more than positions can tell apart. */
function logFull(folder: LogFolder | undefined): EkvError {
  return new EkvError(
    "RESOURCE_EXHAUSTED",
    `the log in ${folder?.path ?? "memory"} has ${segmentsMax} segments, which is the most (32 GiB): delete data, or add a store`,
    { notExecuted: true },
  );
}

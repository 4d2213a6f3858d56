import {
  allocateWords,
  entryHeaderBytes,
  entryKinds,
  frameHeaderBytes,
  generationAt,
  keyBytesAt,
  kindAt,
  partitionAt,
  readFrameHeader,
  readSegmentHeader,
  segmentHeaderBytes,
  sizeAt,
  type Words,
} from "../../../services/store/engine/log/layout.js";
import { countersName, generationName, metaName, recordName } from "../content.js";

/** A part of a segment that has a checksum of its own. */
export interface Place {
  readonly kind: "segment header" | "frame header" | "entry";
  /** Of the frame, or of that which the entry is in; undefined in a segment's header. */
  readonly batch: number | undefined;
  /** Names of what lies there, or depends on it. A generation's prefix where it is dropped. */
  readonly names: readonly string[];
}

interface Frame {
  readonly start: number;
  readonly end: number;
  readonly batch: number;
  readonly durableBatch: number;
}

/** A segment that is whole, taken apart. */
export class SegmentPlan {
  readonly #words: Words;
  readonly #frames: Frame[] = [];

  constructor(bytes: Uint8Array) {
    this.#words = allocateWords(bytes.length);
    this.#words.bytes.set(bytes);
    const header = readSegmentHeader(this.#words);
    if (!header) throw new Error("no segment");
    for (let at = segmentHeaderBytes; ;) {
      const frame = readFrameHeader(this.#words, at, header.salt, bytes.length);
      if (!frame) break;
      const end = at + frameHeaderBytes + frame.length;
      this.#frames.push({ start: at, end, batch: frame.batch, durableBatch: frame.durableBatch });
      at = end;
    }
  }

  /** The highest number of a batch that a frame says was durable; the frame of one batch is not asked. */
  durableBatch(except: number | undefined): number {
    return Math.max(
      0,
      ...this.#frames.filter(({ batch }) => batch !== except).map(({ durableBatch }) => durableBatch),
    );
  }

  /** What a byte belongs to. */
  placeOf(offset: number): Place {
    if (offset < segmentHeaderBytes) {
      const names = this.#frames.flatMap((frame) => this.#namesOf(frame));
      return { kind: "segment header", batch: undefined, names };
    }
    const frame = this.#frames.find(({ end }) => offset < end);
    if (!frame) throw new Error(`byte ${offset} is in no frame`);
    const { batch } = frame;
    if (offset < frame.start + frameHeaderBytes) {
      return { kind: "frame header", batch, names: this.#namesOf(frame) };
    }
    const entry = this.#entriesOf(frame).findLast((start) => start <= offset) ?? 0;
    return { kind: "entry", batch, names: [this.#nameAt(entry)] };
  }

  #entriesOf({ start, end }: Frame): number[] {
    const starts: number[] = [];
    for (let at = start + frameHeaderBytes; at < end; at += sizeAt(this.#words.words, at)) starts.push(at);
    return starts;
  }

  #namesOf(frame: Frame): string[] {
    return this.#entriesOf(frame).map((entry) => this.#nameAt(entry));
  }

  #nameAt(entry: number): string {
    const { bytes, words } = this.#words;
    const key = bytes.subarray(entry + entryHeaderBytes, entry + entryHeaderBytes + keyBytesAt(words, entry));
    const partition = partitionAt(words, entry);
    const generation = generationAt(words, entry);
    switch (kindAt(words, entry)) {
      case entryKinds.meta:
      case entryKinds.movedMeta:
      case entryKinds.metaDelete:
        return metaName(key.toString());
      case entryKinds.counters:
      case entryKinds.movedCounters:
        return countersName(partition, generation);
      case entryKinds.drop:
        return generationName(partition, generation);
      default:
        return recordName(partition, generation, key);
    }
  }
}

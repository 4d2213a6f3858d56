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
  recordBytesAt,
  recordStartAt,
  segmentHeaderBytes,
  sizeAt,
  type Words,
} from "../../../services/store/engine/log/layout.js";
import { countersName, generationName, metaName, recordName } from "../content.js";

/** What a byte of a log belongs to. */
export type ByteKind =
  | "segment header"
  | "frame header"
  | "entry checksum"
  | "record length"
  | "generation"
  | "partition"
  | "kind and key length"
  | "key"
  | "record"
  | "padding";

/** A part of a segment that has a checksum of its own. */
export interface Place {
  readonly kind: ByteKind;
  /** Where that part begins. */
  readonly start: number;
  /** The entry drops a generation. */
  readonly isDrop: boolean;
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
      return { kind: "segment header", start: 0, isDrop: false, batch: undefined, names };
    }
    const frame = this.#frames.find(({ end }) => offset < end);
    if (!frame) throw new Error(`byte ${offset} is in no frame`);
    const { batch } = frame;
    if (offset < frame.start + frameHeaderBytes) {
      return { kind: "frame header", start: frame.start, isDrop: false, batch, names: this.#namesOf(frame) };
    }
    const start = this.#entriesOf(frame).findLast((entry) => entry <= offset) ?? 0;
    const isDrop = kindAt(this.#words.words, start) === entryKinds.drop;
    return { kind: this.#kindIn(start, offset), start, isDrop, batch, names: [this.#nameAt(start)] };
  }

  /** The name that the entry at `start` has when a bit is turned over. */
  nameWith(start: number, offset: number, bit: number): string {
    const { bytes } = this.#words;
    const before = bytes[offset] ?? 0;
    bytes[offset] = before ^ (1 << bit);
    const name = this.#nameAt(start);
    bytes[offset] = before;
    return name;
  }

  #kindIn(entry: number, offset: number): ByteKind {
    const { words } = this.#words;
    const at = offset - entry;
    if (at < 4) return "entry checksum";
    if (at < 8) return "record length";
    if (at < 12) return "generation";
    if (at < 14) return "partition";
    if (at < entryHeaderBytes) return "kind and key length";
    if (offset < recordStartAt(words, entry)) return "key";
    return offset < recordStartAt(words, entry) + recordBytesAt(words, entry) ? "record" : "padding";
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

import type { EngineChange } from "../../../core/ports/storage-engine.js";
import { type Generation, type PartitionId, brandAs } from "../../../core/ids.js";
import { recordEpoch, recordSeq } from "../../../core/record.js";
import {
  entryHeaderBytes,
  entryKinds,
  frameHeaderBytes,
  generationAt,
  isEntryIntact,
  isEntryWithin,
  keyBytesAt,
  kindAt,
  partitionAt,
  readFrameHeader,
  recordStartAt,
  segmentHeaderBytes,
  sizeAt,
  type Words,
} from "./layout.js";
import type { Segment } from "./segment.js";

/** A place between two batches of a log, as one number: segment, then offset, which is below 2^27. */
const offsetRange = 2 ** 27;

/** Where a place lies in the log, as one number that grows along it. */
export function changePositionOf(segment: Pick<Segment, "number">, offset: number): number {
  return segment.number * offsetRange + offset;
}

/** What changes are read from. */
export interface ChangeSource {
  /** Of the log, oldest first. */
  readonly segments: readonly Segment[];
  /** The last batch that readers may see. */
  readonly batch: number;
}

/** Changes in the order in which they were made. */
export interface Changes {
  readonly changes: readonly EngineChange[];
  /** Where the next ones begin. */
  readonly position: number;
}

interface Place {
  readonly segment: Segment;
  readonly offset: number;
}

/**
 * The changes from a position on: whole batches, until there are `limit` changes or no more. Copies that cleaning made are not
 * changes. Undefined: the log does not hold that position any more, or never did. Throws `INTERNAL` at damage.
 */
export function readChanges(source: ChangeSource, position: number, limit: number): Changes | undefined {
  let place = placeOf(source, position);
  if (place === undefined) return undefined;
  const changes: EngineChange[] = [];
  let resume = position;
  while (place !== undefined && changes.length < limit) {
    const batch = readBatch(source, place);
    if (batch === undefined) break;
    changes.push(...batch.changes);
    resume = changePositionOf(batch.end.segment, batch.end.offset);
    place = batch.end;
  }
  return { changes, position: resume };
}

function placeOf({ segments }: ChangeSource, position: number): Place | undefined {
  const number = Math.floor(position / offsetRange);
  const segment = segments.find((one) => one.number === number);
  const offset = position % offsetRange;
  if (segment === undefined || offset < segmentHeaderBytes || offset > segment.end) return undefined;
  return { segment, offset };
}

/** The batch that begins at a place; undefined when there is none that readers may see. */
function readBatch(
  source: ChangeSource,
  from: Place,
): { readonly changes: readonly EngineChange[]; readonly end: Place } | undefined {
  const changes: EngineChange[] = [];
  let { segment, offset } = from;
  for (;;) {
    if (offset >= segment.end) {
      const next = source.segments[source.segments.indexOf(segment) + 1];
      if (next === undefined) return undefined;
      segment = next;
      offset = segmentHeaderBytes;
      continue;
    }
    const { frame, words, start } = readFrame(segment, offset);
    if (frame.batch > source.batch) return undefined;
    addChanges(changes, segment, words, start, frame.length, offset + frameHeaderBytes);
    offset += frameHeaderBytes + frame.length;
    if (frame.isLast) return { changes, end: { segment, offset } };
  }
}

/** A frame, in memory or from the file, and where its entries begin there. */
function readFrame(segment: Segment, offset: number) {
  const { memory } = segment;
  const header = memory ?? segment.read(offset, frameHeaderBytes);
  const at = memory === undefined ? 0 : offset;
  const end = memory === undefined ? segment.end - offset : segment.end;
  const frame = readFrameHeader(header, at, segment.salt, end, offset);
  if (frame === undefined) throw segment.damage(offset);
  if (memory !== undefined) return { frame, words: memory, start: offset + frameHeaderBytes };
  return { frame, words: segment.read(offset + frameHeaderBytes, frame.length), start: 0 };
}

/** @param place where the entries begin in their segment */
function addChanges(
  changes: EngineChange[],
  segment: Segment,
  { bytes, words }: Words,
  start: number,
  length: number,
  place: number,
): void {
  const end = start + length;
  for (let at = start; at < end; at += sizeAt(words, at)) {
    const offset = place + at - start;
    if (
      !segment.isVerified &&
      !(isEntryWithin(words, at, end) && isEntryIntact(words, at, segment.salt, offset))
    )
      throw segment.damage(offset);
    const kind = changeKinds.get(kindAt(words, at));
    if (kind === undefined) continue;
    const keyStart = at + entryHeaderBytes;
    const record = recordStartAt(words, at);
    changes.push({
      kind,
      partition: brandAs<PartitionId>(partitionAt(words, at)),
      generation: brandAs<Generation>(generationAt(words, at)),
      key: Buffer.from(bytes.subarray(keyStart, keyStart + keyBytesAt(words, at))),
      version:
        kind === "drop" ? undefined : { epoch: recordEpoch(bytes, record), seq: recordSeq(bytes, record) },
    });
  }
}

const changeKinds: ReadonlyMap<number, EngineChange["kind"]> = new Map([
  [entryKinds.put, "put"],
  [entryKinds.delete, "delete"],
  [entryKinds.drop, "drop"],
]);

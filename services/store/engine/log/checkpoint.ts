import { type Generation, type PartitionId, brandAs } from "../../../core/ids.js";
import { GenerationIndex } from "./generation-index.js";
import { allocateWords, formatVersion } from "./layout.js";
import { Leaf } from "./leaf.js";
import type { LogFolder } from "./log-folder.js";
import type { LogIndex, MetaEntry } from "./log-index.js";
import { SectionDamage, SectionReader, SectionWriter } from "./sections.js";
import type { Segment } from "./segment.js";
import type { Position } from "./segments.js";

/** The index as it was at some place of the log. */
export const checkpointName = "index.ckpt";
/** A checkpoint in the making. */
export const checkpointDraftName = "index.tmp";

const magic = "ekv-index";

/** What a checkpoint says of a segment. */
export interface CheckpointSegment {
  readonly number: number;
  readonly salt: number;
  readonly end: number;
}

/** Where a log ends. */
export interface LogEnd {
  /** The last batch. */
  readonly batch: number;
  /** What ties the next frame to the last. */
  readonly link: number;
}

/**
 * What a checkpoint holds besides the index. What is in the log up to the end of the last segment here is of its last batch, or
 * older.
 */
export interface CheckpointHead extends LogEnd {
  /** Seed of the keys' hashes. */
  readonly hashSeed: number;
  /** Ascending. */
  readonly segments: readonly CheckpointSegment[];
}

/** A checkpoint's state at one moment, which later commits do not change. */
export interface CheckpointState extends CheckpointHead {
  readonly generations: readonly {
    readonly figures: readonly number[];
    readonly leaves: readonly Leaf[];
  }[];
  readonly metas: readonly (readonly [name: string, meta: MetaEntry])[];
  readonly expiry: readonly { readonly bucket: number; readonly table: Uint32Array }[];
}

/** Takes the state that a checkpoint of now holds: leaves and buckets are shared, not copied. */
export function checkpointStateOf(
  index: LogIndex,
  segments: readonly Segment[],
  { batch, link }: LogEnd,
): CheckpointState {
  return {
    hashSeed: index.hashSeed,
    batch,
    link,
    segments: segments.map(({ number, salt, end }) => ({ number, salt, end })),
    generations: Array.from(index.generations(), (one) => ({ figures: figuresOf(one), leaves: one.share() })),
    metas: [...index.metas],
    expiry: [...index.expiry.share()],
  };
}

/** What {@link loadIndex} reads of a generation, in its order. */
function figuresOf(index: GenerationIndex): number[] {
  const { partition, generation, keys, liveBytes, expires, counters, countersBytes } = index;
  return [partition, generation, keys, liveBytes, expires ? 1 : 0, counters, countersBytes];
}

/**
 * Writes a checkpoint beside the log, in place of the one before. What it describes must be durable. Rejects with the
 * system's error; then the old one stays.
 *
 * @param pause lets others have their turn
 * @returns bytes of the file
 */
export async function writeCheckpoint(
  folder: LogFolder,
  state: CheckpointState,
  pause: () => Promise<void>,
): Promise<number> {
  if (folder.list().includes(checkpointDraftName)) await folder.remove(checkpointDraftName);
  const file = folder.create(checkpointDraftName);
  let size = 0;
  try {
    const writer = new SectionWriter((section) => {
      file.write(section, size);
      size += section.length;
    });
    const breathe = async (): Promise<void> => {
      if (!writer.isFull) return;
      writer.flush();
      await pause();
    };
    writeHead(writer, state);
    writer.uint(state.generations.length);
    for (const { figures, leaves } of state.generations) {
      for (const figure of figures) writer.uint(figure);
      writer.uint(leaves.length);
      for (const leaf of leaves) {
        writer.bytes(leaf.lowKey);
        writer.uint(leaf.count);
        writer.table(leaf.table);
        await breathe();
      }
    }
    writer.uint(state.metas.length);
    for (const [name, { position, bytes }] of state.metas) {
      writer.bytes(Buffer.from(name));
      writer.uint(position);
      writer.uint(bytes);
    }
    writer.uint(state.expiry.length);
    for (const { bucket, table } of state.expiry) {
      writer.uint(bucket);
      writer.table(table);
      await breathe();
    }
    writer.end();
    await file.sync();
  } catch (error) {
    await folder.remove(checkpointDraftName);
    throw error;
  } finally {
    file.close();
  }
  folder.rename(checkpointDraftName, checkpointName);
  await folder.sync();
  return size;
}

function writeHead(writer: SectionWriter, { hashSeed, batch, link, segments }: CheckpointHead): void {
  writer.bytes(Buffer.from(magic));
  for (const value of [formatVersion, hashSeed, batch, link, segments.length]) writer.uint(value);
  for (const { number, salt, end } of segments) {
    for (const value of [number, salt, end]) writer.uint(value);
  }
  // Read by itself first: a checkpoint of a log that is no longer there is not read on.
  writer.flush();
}

/** A checkpoint that was read, and is whole so far. */
export interface OpenCheckpoint {
  readonly head: CheckpointHead;
  /**
   * Puts what it holds into an empty index, without what leads to entries that are gone. Throws {@link SectionDamage}; the index
   * is then no good.
   */
  loadInto(index: LogIndex, isGone: (position: Position) => boolean): void;
}

/** What there is of a checkpoint: none, a damaged one, one of a newer format, or one that can be read. */
export type FoundCheckpoint =
  | { readonly kind: "none" }
  | { readonly kind: "damaged"; readonly offset: number }
  | { readonly kind: "newer"; readonly format: number }
  | { readonly kind: "open"; readonly checkpoint: OpenCheckpoint };

/** Reads the checkpoint of a folder. Rejects with the system's error. */
export async function readCheckpoint(folder: LogFolder): Promise<FoundCheckpoint> {
  if (!folder.list().includes(checkpointName)) return { kind: "none" };
  const file = folder.open(checkpointName);
  try {
    const size = file.size();
    const words = allocateWords(size);
    if ((await file.load(words.bytes.subarray(0, size), 0)) < size) return { kind: "damaged", offset: 0 };
    const reader = new SectionReader(words, size);
    if (reader.bytes().toString() !== magic) return { kind: "damaged", offset: 0 };
    const format = reader.uint();
    if (format > formatVersion) return { kind: "newer", format };
    const head = readHead(reader);
    return { kind: "open", checkpoint: { head, loadInto: (...to) => loadIndex(reader, ...to) } };
  } catch (error) {
    if (error instanceof SectionDamage) return { kind: "damaged", offset: error.offset };
    throw error;
  } finally {
    file.close();
  }
}

function readHead(reader: SectionReader): CheckpointHead {
  const hashSeed = reader.uint();
  const batch = reader.uint();
  const link = reader.uint();
  const segments = Array.from({ length: reader.uint() }, () => ({
    number: reader.uint(),
    salt: reader.uint(),
    end: reader.uint(),
  }));
  return { hashSeed, batch, link, segments };
}

function loadIndex(reader: SectionReader, index: LogIndex, isGone: (position: Position) => boolean): void {
  for (let left = reader.uint(); left > 0; left -= 1) {
    const partition = brandAs<PartitionId>(reader.uint());
    const one = new GenerationIndex(partition, brandAs<Generation>(reader.uint()));
    one.keys = reader.uint();
    one.liveBytes = reader.uint();
    one.expires = reader.uint() !== 0;
    one.counters = reader.uint();
    one.countersBytes = reader.uint();
    const leaves = reader.uint();
    one.leaves = Array.from({ length: leaves }, () => {
      const lowKey = Buffer.from(reader.bytes());
      const count = reader.uint();
      return Leaf.of(lowKey, count, reader.table());
    });
    one.purge(isGone);
    if (one.keys > 0 || one.counters !== 0) index.addGeneration(one);
  }
  for (let left = reader.uint(); left > 0; left -= 1) {
    const name = reader.bytes().toString();
    const position = reader.uint();
    const bytes = reader.uint();
    if (!isGone(position)) index.addMeta(name, { position, bytes });
  }
  for (let left = reader.uint(); left > 0; left -= 1) {
    const bucket = reader.uint();
    index.expiry.load(bucket, reader.table(), isGone);
  }
  reader.end();
}

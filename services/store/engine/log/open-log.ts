import type { Clock } from "../../../core/ports/clock.js";
import type { Random } from "../../../core/ports/random.js";
import type { DiskSpace } from "../disk-space.js";
import {
  type CheckpointHead,
  checkpointDraftName,
  type LogEnd,
  type OpenCheckpoint,
  readCheckpoint,
} from "./checkpoint.js";
import { LogEngine } from "./log-engine.js";
import type { LogFolder } from "./log-folder.js";
import { LogIndex } from "./log-index.js";
import {
  headerOf,
  newerFormat,
  Replay,
  type ReplayedLog,
  type ReplayReport,
  segmentNumbersIn,
} from "./replay.js";
import { Segment, segmentName } from "./segment.js";
import { SectionDamage } from "./sections.js";
import { segmentBytesMax } from "./segments.js";

/** How an engine on a log is opened. */
export interface LogEngineOptions {
  /** The caller keeps other processes out of it (`lockFolder`). */
  readonly folder: LogFolder;
  /**
   * - `commit`: a commit survives the end of this process, however violent. It is flushed to disk within about a second; a power
   *   loss or kernel crash before that may lose it, and only what was committed after it.
   * - `fsync`: a commit is on disk before it is visible and acknowledged.
   */
  readonly durability: "commit" | "fsync";
  readonly clock: Clock;
  readonly random: Random;
  /** Watches the disk. Default: nothing does. */
  readonly space?: DiskSpace;
  /** Bytes of a segment. Default 8 MiB, which is the most. */
  readonly segmentBytes?: number;
  /** Bytes of the log beyond twice its live data. Default 32 MiB. */
  readonly slackBytes?: number;
  /** Bytes of index and segments in memory; colder segments are on the disk alone. Default 1 GiB. */
  readonly memoryBytesMax?: number;
  /** Bytes written to the log between two checkpoints, at least. Default 64 MiB. */
  readonly checkpointBytes?: number;
  /** Called as the log is read, which may take seconds. */
  readonly progress?: (bytes: number, ofBytes: number) => void;
  /** Told once what was found. */
  readonly report?: (report: OpenReport) => void;
}

/** What opening found that an operator may want to know. */
export interface OpenReport extends ReplayReport {
  /** Why the whole log was read: there was no checkpoint, or it could not be believed. Undefined: it was believed. */
  readonly checkpoint: string | undefined;
}

const slackBytesDefault = 33_554_432;
const memoryBytesDefault = 1_073_741_824;
const checkpointBytesDefault = 67_108_864;
const garbageRatio = 2;

/** A checkpoint that was taken up, or why none was. */
interface TakenUp {
  readonly index: LogIndex;
  readonly covered: readonly Segment[];
  /** What the index holds; undefined: nothing. */
  readonly end: LogEnd | undefined;
  readonly knownDurable: number;
  readonly salts: ReadonlyMap<number, number>;
  readonly refusal: string | undefined;
}

/**
 * Opens the durable engine: takes up the index of the last checkpoint, when it fits the log, and reads the log from there on.
 * Rejects with an EkvError: `FAILED_PRECONDITION` for a newer format, else as the disk's error says.
 */
export async function openLogEngine(options: LogEngineOptions): Promise<LogEngine> {
  const { folder, durability, clock, random, space } = options;
  const segmentBytes = options.segmentBytes ?? segmentBytesMax;
  const memoryBytesMax = options.memoryBytesMax ?? memoryBytesDefault;
  if (folder.list().includes(checkpointDraftName)) await folder.remove(checkpointDraftName);
  const { index, covered, end, knownDurable, salts, refusal } = await takeUpCheckpoint(options);
  const replayed = await new Replay({
    folder,
    index,
    segmentBytes,
    memoryBytes: memoryBytesMax,
    covered,
    knownDurable,
    salts,
    end,
    progress: options.progress ?? (() => undefined),
  }).run();
  await settle(folder, replayed, covered);
  const engine = new LogEngine({
    name: "log",
    folder,
    durability,
    clock,
    random,
    index,
    space,
    bounds: { ratio: garbageRatio, slackBytes: options.slackBytes ?? slackBytesDefault },
    segmentBytes: () => segmentBytes,
    memoryBytesMax,
    liveBytesMax: Infinity,
    checkpointBytes: options.checkpointBytes ?? checkpointBytesDefault,
    replayed,
  });
  options.report?.({ checkpoint: refusal, tornBytes: replayed.tornBytes, damages: replayed.damages });
  await engine.start();
  return engine;
}

/** Makes what was read survive a power loss: a process that was killed may have left it to the system. */
async function settle(
  folder: LogFolder,
  { segments }: ReplayedLog,
  covered: readonly Segment[],
): Promise<void> {
  const last = covered.at(-1)?.number ?? 0;
  const touched = segments.filter(({ number }) => number >= last);
  await Promise.all(touched.map((segment) => segment.sync()));
  await folder.sync();
}

function emptyIndex(random: Random): LogIndex {
  return new LogIndex(Number.parseInt(random.hex(4), 16));
}

async function takeUpCheckpoint({ folder, random }: LogEngineOptions): Promise<TakenUp> {
  const found = await readCheckpoint(folder);
  const nothing = {
    index: emptyIndex(random),
    covered: [],
    end: undefined,
    salts: new Map<number, number>(),
  };
  switch (found.kind) {
    case "none":
      return {
        ...nothing,
        knownDurable: 0,
        refusal: segmentNumbersIn(folder).length > 0 ? "there was none" : undefined,
      };
    case "damaged":
      return { ...nothing, knownDurable: 0, refusal: `it is damaged at byte ${found.offset}` };
    case "newer":
      throw newerFormat(`the checkpoint in ${folder.path}`, found.format);
    case "open":
      return await believe(folder, found.checkpoint, random);
  }
}

/** Takes a checkpoint up if it fits the log that is there. */
async function believe(folder: LogFolder, checkpoint: OpenCheckpoint, random: Random): Promise<TakenUp> {
  const { head } = checkpoint;
  const knownDurable = head.batch;
  const salts = new Map(head.segments.map(({ number, salt }) => [number, salt]));
  const refuse = (refusal: string): TakenUp => ({
    index: emptyIndex(random),
    covered: [],
    end: undefined,
    knownDurable,
    salts,
    refusal,
  });
  const numbers = segmentNumbersIn(folder);
  // Removed one after the other, oldest first, since or before: what is older than the checkpoint was gone for it.
  const first = head.segments[0]?.number ?? Infinity;
  for (const number of numbers.filter((one) => one < first && head.segments.length > 0)) {
    await folder.remove(segmentName(number));
    await folder.sync();
  }
  const covered = openCovered(folder, head, numbers);
  if (typeof covered === "string") return refuse(covered);
  const index = new LogIndex(head.hashSeed);
  for (const segment of covered) index.segments.add(segment);
  try {
    checkpoint.loadInto(index, (position) => index.segments.segmentOf(position) === undefined);
  } catch (error) {
    if (!(error instanceof SectionDamage)) throw error;
    for (const segment of covered) segment.release();
    return refuse(`it is damaged at byte ${error.offset}`);
  }
  return { index, covered, end: head, knownDurable, salts, refusal: undefined };
}

/** The segments that a checkpoint covers and that are still there; or why it does not fit them. */
function openCovered(
  folder: LogFolder,
  head: CheckpointHead,
  numbers: readonly number[],
): Segment[] | string {
  const kept = head.segments.filter(({ number }) => numbers.includes(number));
  const last = head.segments.at(-1);
  if (last !== undefined && kept.at(-1)?.number !== last.number)
    return `${segmentName(last.number)} is missing`;
  if (kept.some(({ number }, i) => number !== (kept[0]?.number ?? 0) + i)) return "a segment is missing";
  const covered: Segment[] = [];
  for (const { number, salt, end } of kept) {
    const file = folder.open(segmentName(number));
    const header = headerOf(folder, file, number);
    if (header?.salt !== salt || file.size() < end) {
      file.close();
      for (const segment of covered) segment.release();
      return `${segmentName(number)} is not the file that it was made of`;
    }
    const segment = new Segment(folder.path, number, salt, {
      file,
      memory: undefined,
      end,
      isVerified: false,
    });
    covered.push(segment);
  }
  return covered;
}

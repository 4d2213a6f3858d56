import assert from "node:assert/strict";
import { SeededRandom } from "../../simulation/world/random.js";
import type { DiskImage } from "../disk/history.js";
import { InterruptedDisk } from "../disk/interrupted-disk.js";
import { systematicStates } from "../disk/states.js";
import { openLogSubject } from "../log-subject.js";
import { runOf } from "../round.js";
import { emptyStart, recordRun, type RunRecord } from "../run.js";
import { DamagedDisk, type Flip } from "./damaged-disk.js";

/** How the process that left a folder ended. */
export type Ending = "stopped" | "killed";

/** In which folders bits are turned over, and which bits. */
export interface DamagesOptions {
  readonly ending: Ending;
  readonly first: number;
  /** Folders, one a seed. */
  readonly seeds: number;
  /** So many bits of each folder, drawn; or one of each byte, or all. */
  readonly flips: number | "each byte" | "each bit";
  /** Things done before the process ends; default: as many as the seed says. */
  readonly steps?: number | undefined;
}

/** What came of it. */
export interface DamagesResult {
  /** Bits that were turned over, by what their byte belongs to. */
  readonly flips: Record<string, number>;
  /** Names that were read right, refused by an error with file and offset, or different. */
  readonly right: number;
  readonly refused: number;
  readonly different: number;
  /** Bits whose damage opening reported, and those that were taken for a torn end. */
  readonly reported: number;
  readonly torn: number;
}

/** Turns over one bit after the other in recorded folders. Rejects when one is not found, or hurts its neighbours. */
export async function runDamages(options: DamagesOptions): Promise<DamagesResult> {
  const result = {
    flips: {} as Record<string, number>,
    right: 0,
    refused: 0,
    different: 0,
    reported: 0,
    torn: 0,
  };
  for (let seed = options.first; seed < options.first + options.seeds; seed += 1) {
    const disk = await folderOf(seed, options);
    for (const flip of flipsOf(disk, seed, options.flips)) {
      const kind = disk.placeOf(flip)?.kind ?? "checkpoint";
      try {
        const outcome = await disk.examine(flip);
        result.flips[kind] = (result.flips[kind] ?? 0) + 1;
        result.right += outcome.right;
        result.refused += outcome.refused;
        result.different += outcome.different;
        result.reported += outcome.isReported ? 1 : 0;
        result.torn += outcome.isTorn ? 1 : 0;
      } catch (cause) {
        throw new Error(
          `${options.ending}, seed ${seed}, ${JSON.stringify(flip)}, ${kind}: ${String(cause)}`,
          {
            cause,
          },
        );
      }
    }
  }
  return result;
}

async function folderOf(seed: number, { ending, steps }: DamagesOptions): Promise<DamagedDisk> {
  const run = runOf(seed, false);
  const record = await recordRun({ ...run, steps: steps ?? run.steps }, openLogSubject, emptyStart());
  const event = ending === "stopped" ? record.disk.events.length : lastWriteOf(record);
  const promised = record.promises.at(-1);
  assert.ok(promised);
  const disk = new DamagedDisk(imageAfter(record, event), promised.chain, run.engine.segmentBytes);
  await disk.open();
  return disk;
}

function* flipsOf(
  { files }: DamagedDisk,
  seed: number,
  flips: DamagesOptions["flips"],
): IterableIterator<Flip> {
  const random = new SeededRandom(seed).fork("flips");
  if (typeof flips === "number") {
    for (let left = flips; left > 0; left -= 1) {
      const { name, size } = random.pick(files);
      yield { file: name, offset: random.below(size), bit: random.below(8) };
    }
    return;
  }
  for (const { name, size } of files) {
    for (let offset = 0; offset < size; offset += 1) {
      const bits = flips === "each bit" ? [0, 1, 2, 3, 4, 5, 6, 7] : [random.below(8)];
      for (const bit of bits) yield { file: name, offset, bit };
    }
  }
}

/** What the disk holds after an event, when nothing of it is lost. */
function imageAfter({ disk }: RunRecord, event: number): DiskImage {
  const interrupted = new InterruptedDisk(disk.initial);
  for (const one of disk.events.slice(0, event)) interrupted.advance(one);
  const [everything] = systematicStates();
  assert.ok(everything);
  return interrupted.image(everything.arrival);
}

/** The last event before the last process began to close the engine: killed there, it leaves all that it wrote. */
function lastWriteOf({ disk }: RunRecord): number {
  return disk.events.findLastIndex((event) => event.kind === "write" && event.position > 0) + 1;
}

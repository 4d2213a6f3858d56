import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DamagedDisk } from "../power-loss/damage/damaged-disk.js";
import type { DiskImage } from "../power-loss/disk/history.js";
import { InterruptedDisk } from "../power-loss/disk/interrupted-disk.js";
import { systematicStates } from "../power-loss/disk/states.js";
import { openLogSubject } from "../power-loss/log-subject.js";
import { runOf } from "../power-loss/round.js";
import { emptyStart, recordRun, type RunRecord } from "../power-loss/run.js";
import { SeededRandom } from "../simulation/world/random.js";

const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
const flipsPerFolder = 80;

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

describe("a log in which a bit is turned over", { timeout: 600_000 }, () => {
  for (const end of ["stopped", "killed"] as const) {
    it(`${end}: is read right, or says which byte of which file is damaged`, async (context) => {
      const seen = { right: 0, refused: 0, different: 0, reported: 0, torn: 0 };
      for (const seed of seeds) {
        const run = runOf(seed);
        const record = await recordRun(run, openLogSubject, emptyStart());
        const event = end === "stopped" ? record.disk.events.length : lastWriteOf(record);
        const promised = record.promises.at(-1);
        assert.ok(promised);
        const disk = new DamagedDisk(imageAfter(record, event), promised.chain, run.engine.segmentBytes);
        await disk.open();
        const random = new SeededRandom(seed).fork("flips");
        for (let count = 0; count < flipsPerFolder; count += 1) {
          const flip = disk.drawFlip(random);
          try {
            const outcome = await disk.examine(flip);
            seen.right += outcome.right;
            seen.refused += outcome.refused;
            seen.different += outcome.different.length;
            seen.reported += outcome.isReported ? 1 : 0;
            seen.torn += outcome.isTorn ? 1 : 0;
          } catch (cause) {
            const place = disk.placeOf(flip)?.kind ?? "checkpoint";
            throw new Error(`seed ${seed}, ${JSON.stringify(flip)}, ${place}: ${String(cause)}`, { cause });
          }
        }
      }
      context.diagnostic(JSON.stringify(seen));
      assert.ok(seen.refused > 20 && seen.reported > 0, "bits were turned over that mattered");
    });
  }
});

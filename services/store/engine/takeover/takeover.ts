import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EkvError } from "../../../core/errors.js";
import type { Clock } from "../../../core/ports/clock.js";
import type { StorageEngine } from "../../../core/ports/storage-engine.js";
import { syncFolder } from "../../../runtime/folder.js";
import type { Logger } from "../../../runtime/log.js";
import { ProgressLog } from "../progress-log.js";
import { FormerData, formerFile, formerFileName } from "./former-data.js";
import { markWrite, type ProgressMark, readMark } from "./progress-mark.js";
import { requireRoom } from "./room.js";

/** How a folder of a former version is taken over. */
export interface TakeoverOptions {
  /** The engine that is to hold the data. Nobody else uses it yet. */
  readonly engine: StorageEngine;
  /** Its folder. */
  readonly logPath: string;
  /** The folder of the former data. */
  readonly formerPath: string;
  readonly diskReserveBytes: number;
  /** Records that the data is kept by `engine` now; the old files go after that. */
  readonly recordSettings: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Puts what a former version kept on LMDB into an engine, unless there is nothing to take over. Resolves when everything is there
 * and the old files are gone; until then they stay as they were. A mark among the engine's meta values changes in the same
 * batches as the data: a takeover that was cut short, at any point, goes on where it was.
 */
export async function takeOver(options: TakeoverOptions): Promise<void> {
  const { engine, formerPath } = options;
  const mark = readMark(engine);
  const file = formerFile(formerPath);
  if (file === undefined) {
    if (mark === undefined) return;
    if (!mark.isComplete) throw formerDataGone(formerPath);
  } else if (mark?.file !== file || !mark.isComplete) {
    await copyAll(options, file, await begin(options, file, mark));
  }
  await finish(options);
}

/** The mark to go on from: what an earlier attempt took over of another state of the file is deleted. */
async function begin(
  { engine, formerPath, logPath }: TakeoverOptions,
  file: string,
  mark: ProgressMark | undefined,
): Promise<ProgressMark> {
  if (mark?.file === file) return mark;
  const generations = engine.listGenerations();
  const names = engine.listMeta("").map(({ name }) => name);
  if (mark === undefined) {
    if (generations.length + names.length > 0) throw twoOfData(formerPath, logPath);
  } else {
    for (const { partition, generation } of generations) await engine.dropGeneration(partition, generation);
    await engine.commit(names.map((name) => ({ kind: "meta", name, value: undefined })));
  }
  return { file, position: "", records: 0, isComplete: false };
}

async function copyAll(options: TakeoverOptions, file: string, from: ProgressMark): Promise<void> {
  const { engine, formerPath, logPath, diskReserveBytes, clock, log } = options;
  const former = FormerData.open(formerPath);
  try {
    const { bytes, records: of } = former;
    requireRoom({ bytes, records: of, logPath, diskReserveBytes });
    log.info("taking over the data of a former version; its files are kept until that is done", {
      folder: formerPath,
      bytes,
      records: of,
      ...(from.records > 0 && { takenOverBefore: from.records }),
    });
    const sinceMs = clock.nowMs();
    const progress = new ProgressLog(log, clock, "taking over the data of a former version", from.records);
    let { position, records } = from;
    for (const batch of former.batches(Buffer.from(position, "hex"))) {
      position = batch.position.toString("hex");
      records += batch.records;
      await engine.commit([...batch.writes, markWrite({ file, position, records, isComplete: false })]);
      progress.note(records, of);
      // Signals and timers have their turn.
      await new Promise<void>((resolve) => clock.endOfTurn(resolve));
    }
    await engine.commit([markWrite({ file, position, records, isComplete: true })]);
    log.info("the data of a former version is taken over", {
      records,
      seconds: Math.round((clock.nowMs() - sinceMs) / 1000),
    });
  } finally {
    await former.close();
  }
}

/** Nothing of this is done twice with harm: it may be cut short anywhere. */
async function finish({ engine, formerPath, recordSettings }: TakeoverOptions): Promise<void> {
  await engine.flush();
  await recordSettings();
  await rm(join(formerPath, formerFileName), { force: true });
  await rm(formerPath, { recursive: true, force: true });
  await syncFolder(dirname(formerPath));
  await engine.commit([markWrite(undefined)]);
}

function formerDataGone(formerPath: string): EkvError {
  return new EkvError(
    "FAILED_PRECONDITION",
    `the data in ${formerPath} was not taken over as a whole, and it is gone: bring that folder back`,
    { notExecuted: true },
  );
}

function twoOfData(formerPath: string, logPath: string): EkvError {
  return new EkvError(
    "FAILED_PRECONDITION",
    `${formerPath} holds data of a former version, and ${logPath} holds data too: move away the one that is not the store's`,
    { notExecuted: true },
  );
}

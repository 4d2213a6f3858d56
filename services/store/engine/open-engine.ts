import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DataSettings } from "../../core/data-settings.js";
import type { Clock } from "../../core/ports/clock.js";
import type { Random } from "../../core/ports/random.js";
import type { StorageEngine } from "../../core/ports/storage-engine.js";
import type { Logger } from "../../runtime/log.js";
import { diskBytes } from "../../runtime/storage-error.js";
import { formerFolderName, logFolderName, recordDataSettings } from "../folder-settings.js";
import { decideDiskSizes } from "./disk-sizes.js";
import { checkpointName } from "./log/checkpoint.js";
import { openDiskLog } from "./log/disk-log.js";
import type { OpenReport } from "./log/open-log.js";
import { openMemoryEngine } from "./memory.js";
import { ProgressLog } from "./progress-log.js";
import { takeOver } from "./takeover/takeover.js";

/** How a store's engine is opened. */
export interface EngineOptions {
  readonly settings: DataSettings;
  /** See `--memory-bytes-max`. */
  readonly memoryBytesMax: number;
  /** The store's folder, which this process holds. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * Opens the engine of a store, and records its settings in the folder. What a former version kept in the folder is taken over
 * first, which may take minutes. Says in the log what takes long and what it finds. Rejects with an EkvError.
 */
export async function openEngine(options: EngineOptions): Promise<StorageEngine> {
  const { settings, memoryBytesMax, folder, clock, random, log } = options;
  if (settings.engine === "memory") {
    await recordOrWarn(options);
    return openMemoryEngine({ clock, random, bytesMax: memoryBytesMax });
  }
  const path = join(folder, logFolderName);
  const sizes = decideDiskSizes(diskBytes(folder));
  const hadCheckpoint = existsSync(join(path, checkpointName));
  const progress = new ProgressLog(log, clock, "reading the log");
  const engine = await openDiskLog({
    ...sizes,
    path,
    durability: settings.durability,
    clock,
    random,
    memoryBytesMax,
    progress: (bytes, ofBytes) => progress.note(bytes, ofBytes),
    report: (report) => logFindings(log, path, report, hadCheckpoint),
  });
  try {
    await takeOver({
      engine,
      logPath: path,
      formerPath: join(folder, formerFolderName),
      diskReserveBytes: sizes.diskReserveBytes,
      recordSettings: () => recordDataSettings(folder, settings),
      clock,
      log,
    });
    await recordOrWarn(options);
    return engine;
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** On a full disk the data is used all the same, and the next start tries again. */
async function recordOrWarn({ folder, settings, log }: EngineOptions): Promise<void> {
  try {
    await recordDataSettings(folder, settings);
  } catch (error) {
    log.warn("the settings of the data cannot be recorded", { error });
  }
}

function logFindings(
  log: Logger,
  path: string,
  { tornBytes, damages, checkpoint }: OpenReport,
  hadCheckpoint: boolean,
): void {
  for (const { file, offset, what } of damages) {
    log.error("the log is damaged: what was written there is not served", { file, offset, what });
  }
  if (tornBytes > 0) {
    log.info("the end of the log was cut off: the last writes were not complete, and not flushed to disk", {
      folder: path,
      bytes: tornBytes,
    });
  }
  if (hadCheckpoint && checkpoint !== undefined) {
    log.warn("the whole log was read, because the checkpoint of its index cannot be used", {
      folder: path,
      reason: checkpoint,
    });
  }
}

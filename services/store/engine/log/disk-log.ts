import type { Clock } from "../../../core/ports/clock.js";
import type { Random } from "../../../core/ports/random.js";
import type { StorageEngine } from "../../../core/ports/storage-engine.js";
import { FilePresence } from "../../../runtime/file-presence.js";
import { storageOpenError } from "../../../runtime/storage-error.js";
import { DiskSpace } from "../disk-space.js";
import { openLogFolder } from "./log-folder.js";
import { type LogEngineOptions, openLogEngine } from "./open-log.js";

/** How an engine on a log in a folder of the file system is opened; see {@link LogEngineOptions} for what is not told here. */
export interface DiskLogOptions extends Omit<LogEngineOptions, "folder" | "space"> {
  /** The folder; made if missing. */
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
  /**
   * Free bytes of the file system that puts leave free; then they are refused with `RESOURCE_EXHAUSTED` until there is room
   * again. Deletions and cleaning, which makes room, go on. Default 64 MiB.
   */
  readonly diskReserveBytes?: number;
}

const diskReserveBytesDefault = 67_108_864;

/** Opens a log in a folder of the file system. Rejects with an EkvError when the folder or what is in it cannot be used. */
export async function openDiskLog(options: DiskLogOptions): Promise<StorageEngine> {
  const { path, clock } = options;
  try {
    const folder = await openLogFolder(path);
    const presence = new FilePresence(path);
    const space = new DiskSpace({
      path,
      clock,
      reserveBytes: options.diskReserveBytes ?? diskReserveBytesDefault,
      isThere: () => presence.isThere,
    });
    return await openLogEngine({ ...options, folder, space });
  } catch (error) {
    throw storageOpenError(path, error);
  }
}

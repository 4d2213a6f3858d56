import type { Clock } from "../../../core/ports/clock.js";
import type { Random } from "../../../core/ports/random.js";
import type { StorageEngine } from "../../../core/ports/storage-engine.js";
import type { DiskSpace } from "../disk-space.js";
import type { CleaningBounds } from "./cleaner.js";
import type { LogFolder } from "./log-folder.js";
import type { LogIndex } from "./log-index.js";
import type { ReplayedLog } from "./replay.js";

/** What an engine on a log is run with. */
export interface LogEngineParts {
  readonly name: StorageEngine["name"];
  /** Undefined: everything is in memory alone. */
  readonly folder: LogFolder | undefined;
  readonly durability: "commit" | "fsync";
  readonly clock: Clock;
  readonly random: Random;
  readonly index: LogIndex;
  /** Undefined: nothing limits the disk. */
  readonly space: DiskSpace | undefined;
  readonly bounds: CleaningBounds;
  /** Bytes of the next segment. */
  readonly segmentBytes: () => number;
  /** Bytes that index and segments may take in memory; beyond, segments are on the disk alone. */
  readonly memoryBytesMax: number;
  /** Bytes of live data beyond which growing writes are refused. */
  readonly liveBytesMax: number;
  /** Bytes written to the log between two checkpoints. */
  readonly checkpointBytes: number;
  /** What the log held. */
  readonly replayed: ReplayedLog | undefined;
}

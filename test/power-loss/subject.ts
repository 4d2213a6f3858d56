import type { Clock } from "../../services/core/ports/clock.js";
import type { Random } from "../../services/core/ports/random.js";
import type { LogFolder } from "../../services/store/engine/log/log-folder.js";
import type { Batch } from "./chain.js";
import type { Content } from "./content.js";

/** How an engine under test is opened. */
export interface SubjectOptions {
  readonly folder: LogFolder;
  readonly durability: "commit" | "fsync";
  readonly clock: Clock;
  readonly random: Random;
  readonly segmentBytes: number;
  /** undefined: everything stays in memory. */
  readonly memoryBytesMax: number | undefined;
}

/** An engine under test. */
export interface Subject {
  /** Resolves when the batch is as durable as the engine was opened to make it. */
  apply(batch: Batch): Promise<void>;
  /** Why it takes no writes, in words; undefined: it does. */
  problem(): string | undefined;
  /** All that it holds. Throws when two ways of reading it disagree. */
  content(): Content;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export type OpenSubject = (options: SubjectOptions) => Promise<Subject>;

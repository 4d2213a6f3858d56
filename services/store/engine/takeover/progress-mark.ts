import { z } from "zod";
import type { EngineWrite, StorageEngine } from "../../../core/ports/storage-engine.js";

/** The meta value that says how far a takeover is. It is there from the first batch until the old files are gone. */
const markName = "takeover";

/** How far a takeover is. */
export interface ProgressMark {
  /** The old file, as {@link FormerFile} names it: one that was changed in between is read anew. */
  readonly file: string;
  /** Of the last record that is taken over, in hexadecimal digits. */
  readonly position: string;
  /** Records taken over so far. */
  readonly records: number;
  /** Whether everything is taken over. */
  readonly isComplete: boolean;
}

const schema: z.ZodType<ProgressMark> = z.object({
  file: z.string(),
  position: z.string(),
  records: z.number(),
  isComplete: z.boolean(),
});

/** Undefined: no takeover was begun here, or it has ended. */
export function readMark(engine: StorageEngine): ProgressMark | undefined {
  const value = engine.getMeta(markName);
  return value && schema.parse(JSON.parse(Buffer.from(value).toString()));
}

/** The write of a mark; undefined: of its removal. */
export function markWrite(mark: ProgressMark | undefined): EngineWrite {
  return { kind: "meta", name: markName, value: mark && Buffer.from(JSON.stringify(mark)) };
}

import { readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type StoreId, isStoreId } from "../../core/ids.js";
import { makeFolder } from "../../runtime/folder.js";
import { replaceSmallFile } from "../../runtime/small-file.js";

const fileName = "process.json";

/** What is kept about a store's process, so that the next master finds it. */
export interface ProcessRecord {
  /** The store: a copy of its folder under another name is no store. */
  readonly storeId?: string | undefined;
  readonly pid: number;
  /** See `processStartTime`. */
  readonly startTime?: string | undefined;
  /** What it listened on: it is to be found there again. */
  readonly port?: number | undefined;
  /** It ended on purpose and is not to be started again by itself. */
  readonly stopped: boolean;
}

const recordSchema: z.ZodType<ProcessRecord> = z.object({
  storeId: z.string().optional(),
  pid: z.number(),
  startTime: z.string().optional(),
  port: z.int().min(1).max(65_535).optional(),
  stopped: z.boolean(),
});

/** Replaces the record in a store's folder (made if missing). */
export async function writeProcessRecord(folder: string, record: ProcessRecord): Promise<void> {
  await makeFolder(folder);
  await replaceSmallFile(join(folder, fileName), JSON.stringify(record));
}

/** Forgets a store's process. */
export async function deleteProcessRecord(folder: string): Promise<void> {
  await rm(join(folder, fileName), { force: true });
}

async function readRecord(folder: string): Promise<ProcessRecord | undefined> {
  try {
    const parsed = recordSchema.safeParse(JSON.parse(await readFile(join(folder, fileName), "utf8")));
    return parsed.data;
  } catch (error) {
    // A folder of something else, or a file that a power loss emptied: nothing is known of a process then.
    if (error instanceof SyntaxError || (error instanceof Error && "code" in error)) return undefined;
    throw error;
  }
}

/** The records of all stores with a folder in `dataRoot` (made if missing). */
export async function readProcessRecords(dataRoot: string): Promise<ReadonlyMap<StoreId, ProcessRecord>> {
  await makeFolder(dataRoot);
  const records = new Map<StoreId, ProcessRecord>();
  for (const entry of await readdir(dataRoot, { withFileTypes: true })) {
    // A store's folder may be a link to another disk.
    if (!(entry.isDirectory() || entry.isSymbolicLink()) || !isStoreId(entry.name)) continue;
    const record = await readRecord(join(dataRoot, entry.name));
    if (record !== undefined && (record.storeId ?? entry.name) === entry.name)
      records.set(entry.name, record);
  }
  return records;
}

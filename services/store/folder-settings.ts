import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type DataSettings, decideDataSettings, type Known } from "../core/data-settings.js";
import { EkvError } from "../core/errors.js";
import { folderError } from "../runtime/folder.js";
import { readSmallFile, replaceSmallFile } from "../runtime/small-file.js";

/** In a store's folder: what its data is kept with. */
export const settingsFileName = "settings.json";
/** Where the engines on disk keep their files, in a store's folder. */
export const logFolderName = "log";
export const lmdbFolderName = "lmdb";

const schema: z.ZodType<DataSettings> = z.object({
  engine: z.enum(["log", "lmdb", "memory"]),
  durability: z.enum(["commit", "fsync"]),
});

/** What is recorded in a folder. One of a former version has no record: its files tell the engine. */
async function readSettings(folder: string): Promise<Known<DataSettings>> {
  const text = await readSmallFile(join(folder, settingsFileName)).catch((error: unknown) => {
    throw folderError(folder, error);
  });
  const parsed = text === undefined ? undefined : schema.safeParse(parse(text));
  if (parsed?.success === true) return parsed.data;
  return existsSync(join(folder, lmdbFolderName)) ? { engine: "lmdb" } : {};
}

/** Undefined for a text that a crash on a full disk has damaged. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The settings that a store's data is to be used with; touches nothing. Rejects with `FAILED_PRECONDITION` when the given
 * ones do not fit what is recorded in the folder.
 */
export async function settleDataSettings(folder: string, given: Known<DataSettings>): Promise<DataSettings> {
  const decided = decideDataSettings(await readSettings(folder), given, folder);
  if ("refusal" in decided) throw new EkvError("FAILED_PRECONDITION", decided.refusal, { notExecuted: true });
  return decided;
}

/** Records the settings, unless they are. Rejects when the disk does not take them. */
export async function recordDataSettings(folder: string, settings: DataSettings): Promise<void> {
  const { engine, durability } = await readSettings(folder);
  if (engine === settings.engine && durability === settings.durability) return;
  await replaceSmallFile(join(folder, settingsFileName), JSON.stringify(settings));
}

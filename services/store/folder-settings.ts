import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import {
  type DataSettings,
  decideDataSettings,
  type EngineName,
  type Known,
  presentEngine,
} from "../core/data-settings.js";
import { EkvError } from "../core/errors.js";
import { folderError } from "../runtime/folder.js";
import { readSmallFile, replaceSmallFile } from "../runtime/small-file.js";

/** In a store's folder: what its data is kept with. */
export const settingsFileName = "settings.json";
/** Where the engine on disk keeps its files, in a store's folder. */
export const logFolderName = "log";
/** Where stores of former versions kept their data. */
export const formerFolderName = "lmdb";

/** Of the settings file: one more at every change that older programs cannot read. Former versions wrote none. */
const settingsFormat = 1;

const formatSchema = z.object({ format: z.number() });
const schema: z.ZodType<DataSettings> = z.object({
  engine: z.enum(["log", "lmdb", "memory"]).transform((name) => presentEngine(name) as EngineName),
  durability: z.enum(["commit", "fsync"]),
});

async function readText(folder: string): Promise<string | undefined> {
  return await readSmallFile(join(folder, settingsFileName)).catch((error: unknown) => {
    throw folderError(folder, error);
  });
}

/**
 * What is recorded in a folder; where nothing is, as in one of a former version, its files tell the engine. Rejects with
 * `FAILED_PRECONDITION` when a newer version recorded it.
 */
async function readSettings(folder: string): Promise<Known<DataSettings>> {
  const recorded = parse(await readText(folder));
  const format = formatSchema.safeParse(recorded).data?.format ?? 0;
  if (format > settingsFormat) throw newerSettings(folder, format);
  const parsed = schema.safeParse(recorded);
  if (parsed.success) return parsed.data;
  const hasFiles = [logFolderName, formerFolderName].some((name) => existsSync(join(folder, name)));
  return hasFiles ? { engine: "log" } : {};
}

function newerSettings(folder: string, format: number): EkvError {
  return new EkvError(
    "FAILED_PRECONDITION",
    `${join(folder, settingsFileName)} has format ${format}; this version of Elastic-KV knows up to ${settingsFormat}: ` +
      "start the version that wrote it, or a newer one",
    { notExecuted: true },
  );
}

/** Undefined for no text, and for one that a crash on a full disk has damaged. */
function parse(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The settings that a store's data is to be used with; touches nothing. Rejects with `FAILED_PRECONDITION` when the given
 * ones do not fit what is recorded in the folder, or when a newer version recorded it.
 */
export async function settleDataSettings(folder: string, given: Known<DataSettings>): Promise<DataSettings> {
  const decided = decideDataSettings(await readSettings(folder), given, folder);
  if ("refusal" in decided) throw new EkvError("FAILED_PRECONDITION", decided.refusal, { notExecuted: true });
  return decided;
}

/** Records the settings, unless they are. Rejects when the disk does not take them. */
export async function recordDataSettings(
  folder: string,
  { engine, durability }: DataSettings,
): Promise<void> {
  const text = JSON.stringify({ format: settingsFormat, engine, durability });
  if ((await readText(folder)) === text) return;
  await replaceSmallFile(join(folder, settingsFileName), text);
}

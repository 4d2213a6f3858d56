import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import {
  type DataSettings,
  decideDataSettings,
  type EngineName,
  type Known,
  presentEngine,
} from "../../services/core/data-settings.js";
import { EkvError } from "../../services/core/errors.js";
import { limits } from "../../services/core/limits.js";
import { readSmallFile, replaceSmallFile } from "../../services/runtime/small-file.js";

/** Of the layout of the data folder: one more at every change that older programs cannot read. */
const dataFormat = 2;
/** Of former versions, whose stores kept their data elsewhere: stores take it over when they start. */
const formerFormat = 1;
const settingsFile = "elastic-kv.json";
/** LMDB's, in the master's folder; a master that did not get that far leaves only its lock. */
const metadataFile = join("master", "data.mdb");

/** Folders in that of a store which keeps its data on disk: now, and in former versions. */
const filesOnDisk = ["log", "lmdb"];

/** Settings of `ekv up` that belong to its data. */
export interface FolderSettings extends DataSettings {
  /** Not recorded in folders of former versions, as `placement`: there the master's own record counts. */
  readonly partitions?: number | undefined;
  readonly placement?: "balanced" | "contiguous" | undefined;
}

const recordSchema = z.object({
  format: z.number(),
  engine: z
    .enum(["log", "lmdb", "memory"])
    .transform((name) => presentEngine(name) as EngineName)
    .optional(),
  durability: z.enum(["commit", "fsync"]).optional(),
  partitions: z.number().optional(),
  placement: z.enum(["balanced", "contiguous"]).optional(),
});
type Recorded = z.infer<typeof recordSchema>;

/** Whether the master in a data folder has no metadata yet. */
export function isNewFolder(path: string): boolean {
  return !existsSync(join(path, metadataFile));
}

/**
 * The settings that the data in a folder is to be used with: as recorded, or as given where there is no data. Touches
 * nothing. Throws `INVALID_ARGUMENT` when the folder is of another version, or when a given setting does not fit the data.
 */
export async function settleFolderSettings(
  path: string,
  given: Known<FolderSettings>,
): Promise<FolderSettings> {
  const recorded = await readRecord(path);
  const { engine, durability } = recorded;
  const isNew = isNewFolder(path);
  const data = isNew ? {} : { engine: engine ?? (await engineInUse(path)), durability };
  const decided = decideDataSettings(data, given, path);
  if ("refusal" in decided) throw unfit(decided.refusal);
  const { partitions, placement } = given;
  if (isNew) {
    const { partitionCountDefault } = limits;
    return {
      ...decided,
      partitions: partitions ?? partitionCountDefault,
      placement: placement ?? "balanced",
    };
  }
  requireSame("--partitions", recorded.partitions, partitions, path);
  requireSame("--placement", recorded.placement, placement, path);
  return { ...decided, partitions: recorded.partitions, placement: recorded.placement };
}

/** Records the settings in the folder, unless they are. */
export async function recordFolderSettings(path: string, settings: FolderSettings): Promise<void> {
  const text = JSON.stringify({ format: dataFormat, ...settings });
  const file = join(path, settingsFile);
  if (text !== (await readSmallFile(file))) await replaceSmallFile(file, text);
}

async function readRecord(path: string): Promise<Recorded> {
  const text = await readSmallFile(join(path, settingsFile));
  if (text === undefined) return { format: dataFormat };
  const parsed = recordSchema.safeParse(parse(text));
  if (parsed.success && [formerFormat, dataFormat].includes(parsed.data.format)) return parsed.data;
  const format = parsed.success ? parsed.data.format : "unknown";
  throw new EkvError(
    "INVALID_ARGUMENT",
    `${path} holds data of format ${format}, this version reads formats up to ${dataFormat}: use the version that wrote it, or another --data`,
    { notExecuted: true },
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** In a folder of a former version the stores' files tell. Undefined: there is no store. */
async function engineInUse(path: string): Promise<DataSettings["engine"] | undefined> {
  const stores = (await readdir(path)).filter((name) => /^store-\d+$/.test(name));
  if (stores.length === 0) return undefined;
  return stores.some((name) => filesOnDisk.some((file) => existsSync(join(path, name, file))))
    ? "log"
    : "memory";
}

function requireSame(
  flag: string,
  recorded: number | string | undefined,
  given: number | string | undefined,
  path: string,
): void {
  if (recorded === undefined || given === undefined || recorded === given) return;
  throw unfit(
    `the cluster in ${path} was created with ${flag} ${recorded}, and ${flag} ${given} was given: ` +
      `leave ${flag} out, or choose another folder with --data`,
  );
}

function unfit(message: string): EkvError {
  return new EkvError("INVALID_ARGUMENT", message, { notExecuted: true });
}

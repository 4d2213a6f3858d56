import { readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import type { Known } from "../../services/core/data-settings.js";
import { EkvError } from "../../services/core/errors.js";
import { lockFolder, type FolderLock } from "../../services/runtime/folder-lock.js";
import { systemClock } from "../../services/runtime/clock.js";
import { systemRandom } from "../../services/runtime/random.js";
import { RetriedWrite } from "../../services/runtime/retried-write.js";
import { readSmallFile, replaceSmallFile } from "../../services/runtime/small-file.js";
import { fileFailure } from "../failure.js";
import {
  type FolderSettings,
  isNewFolder,
  recordFolderSettings,
  settleFolderSettings,
} from "./folder-settings.js";
import { stopProcess, type ProcessIdentity } from "./process-end.js";

const masterFile = "up.json";
/** How long a master left over from a killed `ekv up` may take to end, in milliseconds. */
const leftoverGraceMs = 15_000;

const identitySchema = z.object({
  /** Of a store's process. */
  storeId: z.string().optional(),
  pid: z.int().positive(),
  startTime: z.string().optional(),
});

/** A store that a launcher has recorded, running or not. */
export interface RecordedStore {
  readonly storeId: string;
  readonly identity: ProcessIdentity;
}

/** A data folder held by this process. */
export interface DataFolder {
  /** Absolute. */
  readonly path: string;
  readonly masterPath: string;
  /** What its data is used with. */
  readonly settings: FolderSettings;
  /** Unix milliseconds. */
  readonly takenAtMs: number;
  /** Whether the master has no metadata yet. Read anew at every call. */
  isNew(): boolean;
  /** Notes the master that runs now, so that it can be found when this process is killed; as soon as the disk takes it. */
  recordMaster(master: ProcessIdentity): Promise<void>;
  /**
   * From `<data>/<storeId>/process.json`, which the process launcher writes, and those that were there at an earlier call: a
   * store whose folder was deleted still runs.
   */
  recordedStores(): Promise<readonly RecordedStore[]>;
  release(): Promise<void>;
}

/** How a data folder is taken. */
export interface DataFolderOptions {
  /** What the operator asked for. Default: nothing, so that the recorded settings or the defaults apply. */
  readonly given?: Known<FolderSettings>;
  /** Told what goes wrong without harm. */
  readonly note?: (text: string) => void;
}

/**
 * Takes a data folder, creating it if need be. Throws `INVALID_ARGUMENT` when a given setting does not fit the data in it
 * or it is of another version, having touched nothing; when another `ekv up` holds it; and when stores are in it but no
 * master.
 */
export async function openDataFolder(
  folder: string,
  { given = {}, note = () => undefined }: DataFolderOptions = {},
): Promise<DataFolder> {
  const path = resolve(folder);
  const settings = await settleFolderSettings(path, given).catch((error: unknown) => {
    throw fileFailure(path, error);
  });
  const lock = await takeLock(path);
  try {
    await refuseOrphans(path);
    await stopLeftover(path);
    await record(path, settings, note);
  } catch (error) {
    await lock.release();
    throw fileFailure(path, error);
  }
  const masterPath = join(path, "master");
  const masterRecord = new RetriedWrite<ProcessIdentity>({
    write: (master) => replaceSmallFile(join(path, masterFile), JSON.stringify(master)),
    clock: systemClock,
    random: systemRandom,
    onFailure: (error) => note(`The master's process cannot be recorded yet: ${error.message}`),
  });
  const seen = new Map<string, RecordedStore>();
  return {
    path,
    masterPath,
    settings,
    takenAtMs: systemClock.wallMs(),
    isNew: () => isNewFolder(path),
    recordMaster: (master) => masterRecord.set(master),
    recordedStores: async () => {
      const found = await readStores(path).catch((error: unknown) => {
        if (isMissing(error)) return [];
        throw error;
      });
      for (const store of found) seen.set(store.storeId, store);
      return [...seen.values()];
    },
    async release() {
      masterRecord.close();
      await rm(join(path, masterFile), { force: true });
      await lock.release();
    },
  };
}

/** Data that is there is used although a full disk does not take the record: the next start tries again. */
async function record(path: string, settings: FolderSettings, note: (text: string) => void): Promise<void> {
  try {
    await recordFolderSettings(path, settings);
  } catch (error) {
    if (isNewFolder(path) || !(error instanceof Error)) throw error;
    note(`The settings of the data cannot be recorded: ${error.message}`);
  }
}

async function takeLock(path: string): Promise<FolderLock> {
  try {
    return await lockFolder(path, { role: "ekv up" });
  } catch (error) {
    if (!(error instanceof EkvError)) throw error;
    throw new EkvError("INVALID_ARGUMENT", error.message, { notExecuted: true, cause: error });
  }
}

/** A new master beside old stores would be a new cluster, which the stores refuse to join. */
async function refuseOrphans(path: string): Promise<void> {
  if (!isNewFolder(path)) return;
  const stores = (await namesIn(path)).filter((name) => /^store-\d+$/.test(name));
  if (stores.length === 0) return;
  throw new EkvError(
    "INVALID_ARGUMENT",
    `${path} holds ${stores.join(", ")} but no master: restore ${join(path, "master")}, or use another --data`,
  );
}

/** A master whose `ekv up` was killed still has the port and its folder. */
async function stopLeftover(path: string): Promise<void> {
  const found = await readJson(join(path, masterFile), identitySchema);
  if (found?.startTime === undefined) return;
  await stopProcess({ pid: found.pid, startTime: found.startTime }, leftoverGraceMs);
}

async function readStores(path: string): Promise<RecordedStore[]> {
  const entries = await readdir(path, { withFileTypes: true });
  const stores: RecordedStore[] = [];
  // A store's folder may be a link to another disk.
  const folders = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink());
  for (const { name } of folders.filter((entry) => entry.name !== "master")) {
    const found = await readJson(join(path, name, "process.json"), identitySchema);
    // A copy of a store's folder under another name is no store.
    if (found === undefined || (found.storeId ?? name) !== name) continue;
    stores.push({ storeId: name, identity: { pid: found.pid, startTime: found.startTime } });
  }
  return stores;
}

async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readSmallFile(path);
  try {
    return text === undefined ? undefined : schema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

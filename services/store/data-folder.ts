import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EkvError } from "../core/errors.js";
import { brandAs, type StoreId } from "../core/ids.js";
import { limits } from "../core/limits.js";
import type { Clock } from "../core/ports/clock.js";
import { settingsFileName } from "./folder-settings.js";
import {
  type FolderLock,
  type FolderLockOptions,
  lockFileName,
  lockFolder,
  tryLockFolder,
} from "../runtime/folder-lock.js";

const lookAgainMs = 200;

/** The data folder of this process, under lock. */
export interface DataFolder {
  readonly storeId: StoreId;
  readonly path: string;
  readonly lock: FolderLock;
}

/** What a store's process is to run as. */
export interface DataFolderOptions {
  /** A store's name; or a pattern with one `#` for a number, then `root` is shared by all stores of the pattern. */
  readonly name: string;
  /** The store's folder; with a pattern, the folder that holds `<name>` for each. */
  readonly root: string;
  readonly clock: Clock;
  readonly onLost: () => void;
}

/** Whether a name stands for many. */
export function isPattern(name: string): boolean {
  return name.includes("#");
}

function lockOptions(storeId: string, { onLost }: DataFolderOptions): FolderLockOptions {
  return { role: `store ${storeId}`, onLost };
}

/**
 * Takes a store's folder. With a pattern the identity goes with the data and not with the process: the lowest number
 * whose folder holds data that no running process has, else the lowest that holds none. Where it takes time to know that
 * nobody has a folder (see `FolderUse`), it is waited for: its data must not stay behind while a new store is made.
 */
export async function openDataFolder(options: DataFolderOptions): Promise<DataFolder> {
  const { name, root, clock } = options;
  if (!isPattern(name)) {
    const lock = await lockFolder(root, lockOptions(name, options));
    return { storeId: brandAs<StoreId>(name), path: root, lock };
  }
  const sinceMs = clock.wallMs();
  for (;;) {
    const claimed = await claim(options, sinceMs);
    if (claimed !== undefined) return claimed;
    // Not the clock's timer: nothing else keeps the process alive yet.
    await delay(lookAgainMs);
  }
}

/** Undefined: look again, for it is not known yet which folders are in use; `sinceMs` is when the first look began. */
async function claim(options: DataFolderOptions, sinceMs: number): Promise<DataFolder | undefined> {
  const { name, root } = options;
  let inDoubt = false;
  const take = async (number: number): Promise<DataFolder | undefined> => {
    const storeId = brandAs<StoreId>(name.replace("#", String(number)));
    const path = join(root, storeId);
    const taken = await tryLockFolder(path, lockOptions(storeId, options));
    if ("release" in taken) return { storeId, path, lock: taken };
    inDoubt ||= taken.lastSignMs !== undefined && taken.lastSignMs < sinceMs;
    return undefined;
  };
  const withData = await numbersWithData(options);
  for (const number of withData) {
    const taken = await take(number);
    if (taken !== undefined) return taken;
  }
  if (inDoubt) return undefined;
  for (let number = 1; number <= limits.folderClaimsMax; number += 1) {
    const taken = withData.includes(number) ? undefined : await take(number);
    if (taken !== undefined) return taken;
  }
  throw new EkvError(
    "RESOURCE_EXHAUSTED",
    `${root} holds ${limits.folderClaimsMax} stores, which is the most there may be`,
  );
}

/** The numbers of the pattern whose folders hold data, in order. */
async function numbersWithData({ name, root }: DataFolderOptions): Promise<number[]> {
  const [before = "", after = ""] = name.split("#");
  const numbers: number[] = [];
  for (const entry of await namesIn(root)) {
    const number = Number(entry.slice(before.length, entry.length - after.length));
    if (entry !== name.replace("#", String(number))) continue;
    const content = await namesIn(join(root, entry));
    if (content.some((file) => file !== lockFileName && file !== settingsFileName)) numbers.push(number);
  }
  return numbers.sort((a, b) => a - b);
}

async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

/** Empties the folder of a store that holds nothing more, so that the next one of its pattern starts anew. */
export async function clearDataFolder({ path }: DataFolder): Promise<void> {
  for (const file of await namesIn(path)) {
    if (file !== lockFileName) await rm(join(path, file), { recursive: true, force: true });
  }
}

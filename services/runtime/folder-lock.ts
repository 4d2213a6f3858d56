import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, mkdir, readFile, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { EkvError } from "../core/errors.js";
import { isRunning, processStartTime } from "./process-identity.js";

/** What the names of lock files begin with. */
export const lockFilePrefix = "lock-";
const lockPattern = /^lock-(\d+)$/;
const refreshMs = 2000;
/** A holder on another host is taken for dead after several missed refreshes. */
const staleMs = 15_000;

/** The content of a lock file. */
const holderSchema = z.object({
  role: z.string(),
  pid: z.number(),
  startTime: z.string().optional(),
  bootId: z.string().optional(),
  host: z.string(),
  released: z.boolean(),
});
type Holder = z.infer<typeof holderSchema>;

/** How a folder is locked. */
export interface FolderLockOptions {
  /** What this process is, for the message to a second one: "the master", "store s1". */
  readonly role: string;
  /**
   * Called once if another host took the folder over, because this process was stopped for longer than 15 s: it must
   * not touch the folder again.
   */
  readonly onLost?: () => void;
}

/** A folder held by this process. */
export interface FolderLock {
  /** Gives the folder up. Harmless the second time. */
  release(): Promise<void>;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function bootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return undefined; // Not Linux: the pid has to do.
  }
}

/** The highest lock number in a folder; 0: none. */
async function highestLock(folder: string): Promise<number> {
  const numbers = (await readdir(folder)).map((name) => Number(lockPattern.exec(name)?.[1] ?? 0));
  return Math.max(0, ...numbers);
}

async function readHolder(path: string): Promise<Holder | "missing" | "damaged"> {
  try {
    const parsed = holderSchema.safeParse(JSON.parse(await readFile(path, "utf8")));
    return parsed.success ? parsed.data : "damaged";
  } catch (error) {
    if (isMissing(error)) return "missing";
    if (error instanceof SyntaxError) return "damaged";
    throw error;
  }
}

/** When a folder's holder last showed that it lives, in Unix milliseconds; undefined when nobody ever held it. */
export async function lastSignOfLife(folder: string): Promise<number | undefined> {
  const highest = await highestLock(folder);
  try {
    return highest === 0 ? undefined : (await stat(join(folder, `${lockFilePrefix}${highest}`))).mtimeMs;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function isOld(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > staleMs;
  } catch (error) {
    if (isMissing(error)) return true;
    throw error;
  }
}

/** Whether nobody holds a lock file any more. */
async function isFree(holder: Holder | "missing" | "damaged", path: string): Promise<boolean> {
  if (holder === "missing") return true;
  // Lock files appear with their content: only a power loss damages one, and then its age decides.
  if (holder === "damaged") return isOld(path);
  if (holder.released) return true;
  if (holder.host !== hostname()) return isOld(path);
  return holder.bootId !== bootId() || !isRunning(holder.pid, holder.startTime);
}

function heldError(folder: string, path: string, holder: Holder | "damaged" | "missing"): EkvError {
  const advice =
    typeof holder !== "object"
      ? `its lock file ${path} is damaged: try again in ${staleMs / 1000} s`
      : holder.host === hostname()
        ? `${holder.role} uses it already, with pid ${holder.pid}: stop that process, or choose another folder`
        : `${holder.role} uses it already, with pid ${holder.pid} on host ${holder.host}: stop it there; ` +
          `if it crashed, try again in ${staleMs / 1000} s`;
  return new EkvError("FAILED_PRECONDITION", `the data folder ${folder} is in use: ${advice}`, {
    notExecuted: true,
  });
}

/** Puts a file in place as a whole; false when `path` exists and `replace` is false. */
async function placeFile(path: string, holder: Holder, replace: boolean): Promise<boolean> {
  const draft = `${path}.${randomBytes(8).toString("hex")}`;
  await writeFile(draft, JSON.stringify(holder));
  try {
    if (replace) await rename(draft, path);
    else await link(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Takes the next lock number. Undefined: another starter was quicker, look again.
 *
 * The holder is who made the file with the highest number. That file is never deleted except by who made a higher one,
 * so the highest number only grows, and making a file is exclusive: of several starters that find the same stale lock
 * one wins. One that is late may re-make a number that was deleted meanwhile; it sees the higher one afterwards.
 */
async function takeNext(folder: string, taken: number, holder: Holder): Promise<number | undefined> {
  const mine = taken + 1;
  const path = join(folder, `lock-${mine}`);
  if (!(await placeFile(path, holder, false))) return undefined;
  if ((await highestLock(folder)) > mine) {
    await rm(path, { force: true });
    return undefined;
  }
  for (const name of await readdir(folder)) {
    const number = Number(lockPattern.exec(name)?.[1] ?? mine);
    if (number < mine) await rm(join(folder, name), { force: true });
  }
  return mine;
}

function hold(folder: string, mine: number, holder: Holder, onLost: (() => void) | undefined): FolderLock {
  const path = join(folder, `lock-${mine}`);
  let released = false;
  const refresh = async (): Promise<void> => {
    const now = new Date();
    await utimes(path, now, now).catch(() => undefined); // Looked at next: is the lock still ours?
    if (released || (await highestLock(folder)) === mine) return;
    clearInterval(timer);
    onLost?.();
  };
  const timer = setInterval(() => {
    // A folder that cannot be read right now is looked at again in 2 s.
    refresh().catch(() => undefined);
  }, refreshMs);
  timer.unref();
  return {
    release: async () => {
      if (released) return;
      released = true;
      clearInterval(timer);
      if ((await highestLock(folder)) === mine) await placeFile(path, { ...holder, released: true }, true);
    },
  };
}

/**
 * Makes this process the only user of a data folder (made if missing).
 *
 * Rejects with `FAILED_PRECONDITION`, naming the holder, while another process has it. A holder that died on this
 * host, even by kill -9, is replaced at once; one on another host (a shared volume) 15 s after its last sign of life,
 * which it gives every 2 s.
 */
export async function lockFolder(folder: string, options: FolderLockOptions): Promise<FolderLock> {
  await mkdir(folder, { recursive: true });
  const holder: Holder = {
    role: options.role,
    pid: process.pid,
    startTime: processStartTime(process.pid),
    bootId: bootId(),
    host: hostname(),
    released: false,
  };
  for (;;) {
    const taken = await highestLock(folder);
    const path = join(folder, `lock-${taken}`);
    const found = taken === 0 ? "missing" : await readHolder(path);
    if (!(await isFree(found, path))) throw heldError(folder, path, found);
    const mine = await takeNext(folder, taken, holder);
    if (mine !== undefined) return hold(folder, mine, holder, options.onLost);
  }
}

import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { hostname, uptime } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { EkvError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import { folderError, makeFolder } from "./folder.js";
import { bootId, pidNamespace } from "./process-identity.js";

/** The file in a data folder that is locked while a process uses the folder. It stays there when nobody does. */
export const lockFileName = "folder.lock";
/** The holder's text has this length always: writing it over the last one needs no room on a full disk. */
const holderBytes = 1024;

/** Who holds, or last held, a folder. What decides is the lock: this is for messages, and for other hosts. */
const holderSchema = z.object({
  role: z.string(),
  pid: z.number(),
  host: z.string(),
  bootId: z.string().optional(),
  pidNamespace: z.string().optional(),
  /** Of this lock: no two have the same. */
  token: z.string(),
  released: z.boolean(),
});
type Holder = z.infer<typeof holderSchema>;

/** How a folder is locked. */
export interface FolderLockOptions {
  /** What this process is, for the message to a second one: "the master", "store s1". */
  readonly role: string;
  /**
   * Called once if another host took the folder over, which can only happen where hosts share a file system but not
   * its locks, and this process stood still for longer than `limits.folderLockStaleMs`. It must not touch the folder
   * again.
   */
  readonly onLost?: () => void;
}

/** A folder held by this process. */
export interface FolderLock {
  /** Gives the folder up. Harmless the second time. */
  release(): Promise<void>;
}

/** Why a folder could not be locked. */
export interface FolderUse {
  /** Who has it, and what to do. */
  readonly message: string;
  /**
   * Given when nobody has the lock, but another host may use the folder all the same: when that host last showed that it
   * lives, in Unix milliseconds. A later sign, or none for `limits.folderLockStaleMs`, ends the doubt.
   */
  readonly lastSignMs?: number;
}

/** Undefined: there is no holder, or a power loss or an upgrade left something else in the file. */
function parseHolder(text: string): Holder | undefined {
  try {
    return holderSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** False: the disk has no room for it. The lock holds all the same. */
async function writeHolder(file: FileHandle, holder: Holder): Promise<boolean> {
  try {
    await file.write(Buffer.from(JSON.stringify(holder).padEnd(holderBytes)), 0, null, 0);
    await file.sync();
    return true;
  } catch {
    return false;
  }
}

/** Whether a host whose locks we do not see may be using the folder: it showed that it lives every 2 s. */
function mayLiveElsewhere(holder: Holder | undefined, lastSignMs: number): holder is Holder {
  if (holder === undefined || holder.released) return false;
  const thisKernel = bootId();
  // Of one kernel we see every lock.
  if (thisKernel === undefined ? holder.host === hostname() : holder.bootId === thisKernel) return false;
  // A holder that has been silent since this machine was started may have been this machine, before.
  const bootedMs = Date.now() - uptime() * 1000;
  return lastSignMs > bootedMs && Math.abs(Date.now() - lastSignMs) <= limits.folderLockStaleMs;
}

function describeHolder(folder: string, holder: Holder | undefined): string {
  const inUse = `the data folder ${folder} is in use`;
  if (holder === undefined || holder.released) {
    return `${inUse}: another process has its lock; stop that process, or choose another folder`;
  }
  const { role, pid, host } = holder;
  if (holder.bootId !== bootId()) {
    return `${inUse}: ${role} uses it already, with pid ${pid} on host ${host}; stop it there, or choose another folder`;
  }
  const where = holder.pidNamespace === pidNamespace() ? "" : ` in another container, of host name ${host}`;
  return `${inUse}: ${role} uses it already, with pid ${pid}${where}: stop that process, or choose another folder`;
}

function describeDoubt(folder: string, { role, pid, host }: Holder): string {
  return (
    `the data folder ${folder} may be in use: ${role} used it just now, with pid ${pid} on host ${host}; stop it ` +
    `there; if it crashed, try again in ${limits.folderLockStaleMs / 1000} s`
  );
}

function noLocks(message: string, cause: unknown): EkvError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EkvError("FAILED_PRECONDITION", `${message} (${reason.split("\n")[0]})`, {
    notExecuted: true,
    cause,
  });
}

/** Loaded when a folder is locked: on a system for which it has no binary everything else works. */
async function loadTryLock(): Promise<(fd: number) => boolean> {
  try {
    return (await import("fs-native-extensions")).tryLock;
  } catch (cause) {
    throw noLocks(
      "data folders cannot be locked on this system: run on Linux with glibc, or on macOS",
      cause,
    );
  }
}

async function lockNow(folder: string, file: FileHandle): Promise<boolean> {
  const tryLock = await loadTryLock();
  try {
    return tryLock(file.fd);
  } catch (cause) {
    throw noLocks(`the file system of ${folder} cannot lock files: choose a folder on one that can`, cause);
  }
}

interface Taken {
  readonly file: FileHandle;
  readonly holder: Holder;
  /** Whether the file says so. */
  readonly written: boolean;
}

class HeldFolder implements FolderLock {
  readonly #path: string;
  /** Closing it ends the lock, and so would its collection. */
  readonly #file: FileHandle;
  readonly #holder: Holder;
  readonly #timer: NodeJS.Timeout;
  #written: boolean;
  #released: Promise<void> | undefined;

  constructor(path: string, { file, holder, written }: Taken, onLost: (() => void) | undefined) {
    this.#path = path;
    this.#file = file;
    this.#holder = holder;
    this.#written = written;
    this.#timer = setInterval(() => {
      // A file system that does not answer right now is asked again in 2 s.
      this.#refresh(onLost).catch(() => undefined);
    }, limits.folderLockRefreshMs);
    this.#timer.unref();
  }

  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #refresh(onLost: (() => void) | undefined): Promise<void> {
    this.#written ||= await writeHolder(this.#file, this.#holder);
    const now = new Date();
    await this.#file.utimes(now, now);
    if (!(await this.#isTaken()) || this.#released) return;
    clearInterval(this.#timer);
    onLost?.();
  }

  /** Whether the file names another holder since it named this one. */
  async #isTaken(): Promise<boolean> {
    const found = this.#written ? parseHolder(await readFile(this.#path, "utf8")) : undefined;
    return found !== undefined && found.token !== this.#holder.token;
  }

  async #release(): Promise<void> {
    clearInterval(this.#timer);
    const taken = await this.#isTaken().catch(() => true);
    if (!taken) await writeHolder(this.#file, { ...this.#holder, released: true });
    await this.#file.close();
  }
}

/** Opens a lock file, made if missing, for reading and writing. */
async function openLockFile(path: string): Promise<FileHandle> {
  return await open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
}

async function takeLock(folder: string, path: string, role: string): Promise<Taken | FolderUse> {
  const file = await openLockFile(path);
  try {
    const locked = await lockNow(folder, file);
    const last = parseHolder(await readFile(path, "utf8"));
    const { mtimeMs } = await file.stat();
    if (!locked) {
      await file.close();
      return { message: describeHolder(folder, last) };
    }
    if (mayLiveElsewhere(last, mtimeMs)) {
      await file.close();
      return { message: describeDoubt(folder, last), lastSignMs: mtimeMs };
    }
    const holder: Holder = {
      role,
      pid: process.pid,
      host: hostname(),
      bootId: bootId(),
      pidNamespace: pidNamespace(),
      token: randomUUID(),
      released: false,
    };
    return { file, holder, written: await writeHolder(file, holder) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** As {@link lockFolder}, but resolves with who uses the folder when it is in use. */
export async function tryLockFolder(
  folder: string,
  { role, onLost }: FolderLockOptions,
): Promise<FolderLock | FolderUse> {
  await makeFolder(folder);
  const path = join(folder, lockFileName);
  try {
    const taken = await takeLock(folder, path, role);
    return "file" in taken ? new HeldFolder(path, taken, onLost) : taken;
  } catch (error) {
    throw folderError(folder, error);
  }
}

/**
 * Makes this process the only user of a data folder (made if missing), by a lock of the operating system on the file
 * `folder.lock` in it. The kernel ends the lock with the process, however that dies, and shows it to every process of
 * the machine: pids, which mean another process in another container or after a reboot, decide nothing. What the file
 * contains decides nothing either while one kernel is concerned, so a power loss cannot damage a lock. The file is
 * never replaced or deleted: that would leave two files to lock.
 *
 * Network file systems show the lock to other hosts too (NFS does). For one that does not, the holder shows every 2 s
 * that it lives, and a folder that another host used less than 15 s ago is refused.
 *
 * Considered, and not taken: a listening socket in the folder (it cannot be bound on several kinds of volumes, and
 * taking over what a dead process left is a race), LMDB's own lock file (it lets several processes in, and tells nobody
 * whether there are others), and flock(1) as a child process (it dies apart from its parent).
 *
 * Rejects with `FAILED_PRECONDITION`, naming the holder, while another process has the folder; and when the folder cannot
 * be made or written, or its file system has no locks, saying which.
 */
export async function lockFolder(folder: string, options: FolderLockOptions): Promise<FolderLock> {
  const taken = await tryLockFolder(folder, options);
  if ("release" in taken) return taken;
  throw new EkvError("FAILED_PRECONDITION", taken.message, { notExecuted: true });
}

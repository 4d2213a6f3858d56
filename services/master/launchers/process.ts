import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { StoreId } from "../../core/ids.js";
import type { Clock } from "../../core/ports/clock.js";
import type { LaunchedStore, Launcher } from "../../core/ports/launcher.js";
import type { Random } from "../../core/ports/random.js";
import { serverFlags } from "../../runtime/server-flags.js";
import { readProcessRecords } from "./process-record.js";
import { type LauncherLog, StoreProcess } from "./store-process.js";

/** How stores are started as processes of this machine. */
export interface ProcessLauncherOptions {
  /** Path of the store's program: `dist/services/store/main.js`. */
  readonly entry: string;
  /** Where stores reach the master: `host:port`. */
  readonly masterAddress: string;
  /** Each store has its data in `<dataRoot>/<storeId>` and its output in `<dataRoot>/<storeId>.log`. */
  readonly dataRoot: string;
  /** What stores listen on. */
  readonly host: string;
  /** The port of a store that has none yet, or the next one that is free; 0: any. */
  readonly portFor: (storeId: StoreId) => number;
  /** Further arguments of every store. Default: none. */
  readonly extraArgs?: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: LauncherLog;
}

class ProcessLauncher implements Launcher {
  readonly name = "process";
  readonly #options: ProcessLauncherOptions;
  readonly #stores = new Map<StoreId, StoreProcess>();

  constructor(options: ProcessLauncherOptions) {
    this.#options = options;
  }

  async adoptAll(): Promise<void> {
    for (const [storeId, record] of await readProcessRecords(this.#options.dataRoot)) {
      this.#store(storeId).adopt(record);
    }
  }

  async launch(storeId: StoreId): Promise<LaunchedStore> {
    const known = this.#stores.has(storeId);
    const store = this.#store(storeId);
    try {
      await store.start();
    } catch (error) {
      if (!known) {
        this.#stores.delete(storeId);
        // What it could not record yet must not replace what the next attempt records.
        await store.abandon();
      }
      throw error;
    }
    return store.describe();
  }

  async remove(storeId: StoreId, purge: boolean): Promise<void> {
    await this.#stores.get(storeId)?.stop(false);
    this.#stores.delete(storeId);
    if (purge) await rm(this.#folder(storeId), { recursive: true, force: true });
  }

  async list(): Promise<readonly LaunchedStore[]> {
    return Array.from(this.#stores.values(), (store) => store.describe());
  }

  problems(): readonly string[] {
    return Array.from(this.#stores.values(), (store) => store.problem()).filter((text) => text !== undefined);
  }

  async close(options: { readonly stopStores: boolean }): Promise<void> {
    const stores = [...this.#stores.values()];
    this.#stores.clear();
    await Promise.all(stores.map((store) => (options.stopStores ? store.stop(true) : store.abandon())));
  }

  /** What the other stores listen on, or will when they are started. */
  #portsOfOthers(storeId: StoreId): ReadonlySet<number> {
    const others = [...this.#stores].filter(([other]) => other !== storeId);
    return new Set(others.map(([, store]) => store.port));
  }

  #folder(storeId: StoreId): string {
    return join(this.#options.dataRoot, storeId);
  }

  #store(storeId: StoreId): StoreProcess {
    const known = this.#stores.get(storeId);
    if (known !== undefined) return known;
    const {
      entry,
      masterAddress,
      dataRoot,
      host,
      portFor,
      extraArgs = [],
      clock,
      random,
      log,
    } = this.#options;
    const folder = this.#folder(storeId);
    const flags = { "--store-id": storeId, "--master": masterAddress, "--data": folder, "--host": host };
    const store = new StoreProcess({
      storeId,
      args: [...serverFlags, entry, ...Object.entries(flags).flat(), ...extraArgs],
      folder,
      logPath: join(dataRoot, `${storeId}.log`),
      host,
      firstPort: portFor(storeId),
      reservedPorts: () => this.#portsOfOthers(storeId),
      clock,
      random,
      log,
    });
    this.#stores.set(storeId, store);
    return store;
  }
}

/**
 * A {@link Launcher} that runs stores as detached processes of this machine, which outlive the master. It takes over
 * the stores that a former master started in the same `dataRoot`, starts a store again that died (with
 * the back-off `storeRestart`, which begins anew once the store has lived for 30 s), and leaves one alone that ended with status 0.
 */
export async function openProcessLauncher(options: ProcessLauncherOptions): Promise<Launcher> {
  const launcher = new ProcessLauncher(options);
  await launcher.adoptAll();
  return launcher;
}

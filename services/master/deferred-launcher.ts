import type { StoreId } from "../core/ids.js";
import type { LaunchedStore, Launcher, StoreScale } from "../core/ports/launcher.js";

/**
 * A launcher that is still being opened: it needs the address that stores reach the master at, which is known when the
 * server listens, and the server's handlers need it.
 */
export class DeferredLauncher implements Launcher {
  readonly name: Launcher["name"];
  readonly #opened: Promise<Launcher>;
  #open: (launcher: Launcher | Promise<Launcher>) => void = () => undefined;
  #present: Launcher | undefined;

  constructor(name: Launcher["name"]) {
    this.name = name;
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
    // Of a failure hear `open`'s caller and whoever asks; with nobody asking yet, node would end the process for it.
    this.#opened.catch(() => undefined);
  }

  /** Everything asked so far and from now on goes to this one. Rejects when it cannot be opened, and so does all asked. */
  async open(launcher: Promise<Launcher>): Promise<void> {
    this.#open(launcher);
    this.#present = await launcher;
  }

  async launch(storeId: StoreId): Promise<LaunchedStore> {
    return await (await this.#opened).launch(storeId);
  }

  async remove(storeId: StoreId, purge: boolean): Promise<void> {
    await (await this.#opened).remove(storeId, purge);
  }

  async list(): Promise<readonly LaunchedStore[]> {
    return await (await this.#opened).list();
  }

  async scale(): Promise<StoreScale | undefined> {
    return await (await this.#opened).scale?.();
  }

  problems(): readonly string[] {
    return this.#present?.problems?.() ?? [];
  }

  async close(options: { readonly stopStores: boolean }): Promise<void> {
    await (await this.#opened).close(options);
  }
}

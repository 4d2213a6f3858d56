import type { StoreId } from "../../services/core/ids.js";
import { type RunningStore, startStore, type StoreValues } from "../../services/store/running-store.js";
import type { Store } from "../../services/store/store.js";
import { SimNode } from "./node.js";
import { type DiskImage, SimDisk } from "./world/disk.js";
import type { Machines } from "./world/machine.js";
import type { SimProcess } from "./world/process.js";

/** How soon a store that has ended is started again. */
const restartUs = 700_000;
/** How long a store may take to stop before it is killed. */
const killUs = 8_000_000;

/** A store: {@link startStore} on a simulated host and disk. */
export class StoreNode extends SimNode {
  readonly storeId: StoreId;
  readonly disk: SimDisk;
  readonly #values: StoreValues;
  #running: RunningStore | undefined;
  /** Puts the node's own volume back. */
  #restoreVolume: (() => void) | undefined;
  #copy: { readonly image: DiskImage; readonly version: number } | undefined;
  /** An older copy was put in the volume's place. */
  #holdsCopy = false;

  constructor(machines: Machines, values: StoreValues) {
    super(machines, values.storeId);
    this.storeId = values.storeId;
    this.#values = values;
    this.disk = new SimDisk(machines.world.random.fork(`${values.storeId}'s disk`));
  }

  /** The store, once it has registered. */
  get store(): Store | undefined {
    return this.process === undefined ? undefined : this.#running?.store;
  }

  /**
   * Stops it for good: gracefully, or else by force. With `purge` its data is deleted. So is a copy that was put in its
   * place: it may hold what the store had handed off long ago, and who leaves does not wait until that is found.
   */
  async remove(purge: boolean): Promise<void> {
    this.wanted = false;
    const { process } = this;
    if (process !== undefined) {
      this.machines.world.after(killUs, `${this.host} is killed`, () => process.end());
      await new Promise<void>((resolve) => {
        process.onEnd(resolve);
        process.enter(() => void this.#stop(process));
      });
    }
    if (!purge && !this.#holdsCopy) return;
    this.#restoreVolume = undefined;
    this.#holdsCopy = false;
    this.disk.wipe();
  }

  /** Deletes its volume, and with it the one that is put aside: nobody puts that back into a store that is gone. */
  purge(): void {
    this.#restoreVolume = undefined;
    this.disk.wipe();
  }

  /** Starts it anew with an empty volume in the place of its own. */
  swapVolume(restartUs: number): void {
    // Before the master knows that it has data, an empty volume is as good as its own.
    if (this.#restoreVolume || !this.store) return;
    this.crash(restartUs);
    this.#restoreVolume = this.disk.swap();
  }

  /** Keeps a copy of the volume as it is now, until one was put back. */
  keepCopy(): void {
    if (this.#copy || !this.store || this.#restoreVolume) return;
    const version = this.store.ownership.storedVersion();
    void this.disk.copy().then((image) => {
      this.#copy ??= { image, version };
    });
  }

  /**
   * Starts it anew with the copy that was kept, when that lacks something the store has since confirmed to hold: what is
   * lost within that, nobody can tell. Returns whether it did.
   */
  putCopyBack(confirmedVersion: number, restartUs: number): boolean {
    const copy = this.#copy;
    if (copy === undefined || this.#restoreVolume || !this.store || copy.version >= confirmedVersion)
      return false;
    this.#copy = undefined;
    this.crash(restartUs);
    this.#restoreVolume = this.disk.swap(copy.image);
    this.#holdsCopy = true;
    return true;
  }

  /** Puts its own volume back. */
  returnVolume(): void {
    if (!this.#restoreVolume) return;
    this.crash(restartUs);
    this.#restoreVolume();
    this.#restoreVolume = undefined;
    this.#holdsCopy = false;
    this.start();
  }

  protected override run(process: SimProcess): void {
    const { network } = this.machines;
    this.#running = undefined;
    startStore(
      {
        engine: this.disk.mount(process, this.#values.durability),
        clock: process.clock,
        random: process.random,
        log: process.log,
        usage: {
          start: () => undefined,
          stop: () => undefined,
          eventLoopDelayP99Ms: () => 0,
          residentBytes: () => 0,
        },
        openChannel: network.channelsOf(process),
        listen: network.listenerOf(process),
        ownAddress: () => Promise.resolve(this.host),
      },
      this.#values,
      () => void this.#stop(process),
    ).then(
      (running) => {
        if (this.process !== process) return;
        this.#running = running;
        // The cluster took the volume: it is the store's own from now on.
        this.#restoreVolume = undefined;
      },
      (error: unknown) => {
        if (!process.alive) return;
        process.log.error("the store could not start", { error });
        process.end();
        this.restartIn(restartUs);
      },
    );
  }

  protected override losePower(): Promise<void> {
    return this.disk.cutPower();
  }

  protected override mend(): void {
    this.disk.isFull = false;
    this.disk.isBroken = false;
    this.disk.stallUs = 0;
    this.returnVolume();
  }

  /** An orderly stop. Whoever still wants the store starts it again. */
  async #stop(process: SimProcess): Promise<void> {
    await this.#running?.stop();
    if (!process.alive) return;
    process.end();
    this.restartIn(restartUs);
  }
}

import type { StoreRecord } from "../../services/core/master/state/records.js";
import type { Launcher } from "../../services/core/ports/launcher.js";
import { runMaster } from "../../services/master/master.js";
import { masterSettings } from "../../services/master/settings.js";
import { loadSettings } from "../../services/runtime/settings.js";
import type { ClusterOptions } from "./cluster.js";
import { SimNode } from "./node.js";
import type { Machines } from "./world/machine.js";
import { MetadataDisk } from "./world/metadata-disk.js";
import type { SimProcess } from "./world/process.js";

/** How soon a master that has ended is started again. */
const restartUs = 500_000;

/** The master: {@link runMaster} on a simulated host. */
export class MasterNode extends SimNode {
  readonly address = "master:7400";
  readonly disk: MetadataDisk;
  readonly #options: ClusterOptions;
  readonly #openLauncher: () => Launcher;

  constructor(machines: Machines, options: ClusterOptions, openLauncher: () => Launcher) {
    super(machines, "master");
    this.#options = options;
    this.#openLauncher = openLauncher;
    this.disk = new MetadataDisk(machines.world.random.fork("master's disk"));
  }

  protected override run(process: SimProcess): void {
    const { network, world } = this.machines;
    const { partitions, stores, placement } = this.#options;
    const settings = loadSettings(masterSettings, {
      argv: [
        ...["--host", "master", "--port", "7400", "--partitions", String(partitions)],
        ...["--initial-stores", String(stores), "--placement", placement, "--launcher", "process"],
        ...(this.disk.values.size === 0 ? ["--create"] : []),
      ],
      env: {},
    });
    const ended = (error: unknown): void => {
      if (!process.alive) return;
      process.log.error("the master ended", { error });
      process.end();
      this.restartIn(restartUs);
    };
    runMaster(
      {
        metadata: this.disk.mount(process),
        clock: process.clock,
        random: process.random,
        log: process.log,
        openChannel: network.channelsOf(process),
        listen: network.listenerOf(process),
        openLauncher: () => Promise.resolve(this.#openLauncher()),
      },
      settings,
      ended,
    ).catch((error: unknown) => {
      if (process.alive) world.note("the master could not start");
      ended(error);
    });
  }

  /** The topology version at which a store last confirmed what it holds, as the master has it on its disk; 0: never. */
  confirmedVersion(storeId: string): number {
    const text = this.disk.values.get(`store/${storeId}`);
    return text === undefined ? 0 : ((JSON.parse(text) as StoreRecord).confirmedVersion ?? 0);
  }

  protected override losePower(): Promise<void> {
    return Promise.resolve();
  }

  protected override mend(): void {
    this.disk.isBroken = false;
    this.disk.isFull = false;
    this.disk.stallUs = 0;
  }
}

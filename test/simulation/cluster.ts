import type { StoreId } from "../../services/core/ids.js";
import type { LaunchedStore, Launcher } from "../../services/core/ports/launcher.js";
import { loadSettings } from "../../services/runtime/settings.js";
import { Machines } from "./world/machine.js";
import { MasterNode } from "./master-node.js";
import type { SeededRandom } from "./world/random.js";
import { StoreNode } from "./store-node.js";
import { storeSettings } from "../../services/store/settings.js";

/** How a simulated cluster is set up. */
export interface ClusterOptions {
  readonly partitions: number;
  readonly stores: number;
  readonly placement: "balanced" | "contiguous";
  readonly durability: "commit" | "fsync";
}

/** A master and its stores, each on a machine of its own. */
export class Cluster {
  readonly options: ClusterOptions;
  readonly machines: Machines;
  readonly master: MasterNode;
  readonly stores = new Map<string, StoreNode>();

  constructor(random: SeededRandom, options: ClusterOptions) {
    this.options = options;
    this.machines = new Machines(random);
    this.master = new MasterNode(this.machines, options, () => this.#launcher());
  }

  start(): void {
    this.master.start();
  }

  /** Every store whose process runs. */
  running(): StoreNode[] {
    return [...this.stores.values()].filter((node) => node.process !== undefined);
  }

  /** host:port of every store that there ever was. */
  storeAddresses(): string[] {
    return [...this.stores.keys()].map((storeId) => `${storeId}:7400`);
  }

  /** Brings back whatever is down, and undoes every fault. */
  heal(): void {
    this.machines.network.heal();
    for (const node of [this.master, ...this.stores.values()]) node.heal();
  }

  /** What starts and stops stores at the master's request. Stores outlive it. */
  #launcher(): Launcher {
    return {
      name: "process",
      launch: (storeId) => {
        const node = this.stores.get(storeId) ?? this.#node(storeId);
        node.wanted = true;
        node.start();
        return Promise.resolve(launched(node));
      },
      remove: async (storeId, purge) => {
        await this.stores.get(storeId)?.remove(purge);
      },
      list: () => Promise.resolve([...this.stores.values()].map(launched)),
      close: () => Promise.resolve(),
    };
  }

  #node(storeId: StoreId): StoreNode {
    const { durability } = this.options;
    const argv = [
      "--store-id",
      storeId,
      "--host",
      storeId,
      "--port",
      "7400",
      "--master",
      this.master.address,
    ];
    const { values } = loadSettings(storeSettings, { argv: [...argv, "--durability", durability], env: {} });
    const node = new StoreNode(this.machines, { ...values, storeId });
    this.stores.set(storeId, node);
    return node;
  }
}

function launched(node: StoreNode): LaunchedStore {
  return { storeId: node.storeId, running: node.process !== undefined, handle: "simulated" };
}

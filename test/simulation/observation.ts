import { MovedDataChecker } from "./checkers/moved-data.js";
import { hashKey, partitionOf } from "../../services/core/hash.js";
import type { Version } from "../../services/core/topology.js";
import { findSharedPartition } from "./checkers/ownership.js";
import { RequiredReplicasChecker } from "./checkers/required-replicas.js";
import type { Cluster } from "./cluster.js";
import type { LogLine } from "./world/process.js";

/** What no fault of the simulation excuses: it damages no message and no stored byte. */
const forbidden = /digest mismatch|checksum|out of order|failed unexpectedly|two owners|assertion/i;

/** Looks at every store after every happening. */
export class Observation {
  readonly #cluster: Cluster;
  readonly #moved = new MovedDataChecker();
  readonly #required = new RequiredReplicasChecker();
  #lines = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    // What a store serves changes only in happenings of its own.
    cluster.machines.world.observe((actor) => {
      if (cluster.stores.has(actor)) this.#look();
    });
    cluster.machines.onLine = (line) => this.#read(line);
  }

  /** Hand-offs whose data was compared. */
  get handOffs(): number {
    return this.#moved.compared;
  }

  /** Lines that the cluster's processes logged. */
  get lines(): number {
    return this.#lines;
  }

  /** A client has just heard that its write was carried out. */
  acknowledged(key: string, version: Version): void {
    const { world, network } = this.#cluster.machines;
    const partition = partitionOf(hashKey(Buffer.from(key)), Math.log2(this.#cluster.options.partitions));
    const problem = this.#required.acknowledged(partition, version, network.sentUs);
    if (problem !== undefined) world.fail(new Error(problem));
  }

  #look(): void {
    const stores = [];
    for (const node of this.#cluster.stores.values()) {
      const { store } = node;
      if (store) {
        stores.push({
          storeId: node.storeId,
          partitions: store.kvMap.partitions,
          disk: node.disk.contents,
        });
      }
    }
    this.#required.look(this.#cluster.machines.world.nowUs, stores);
    const problem = findSharedPartition(stores) ?? this.#moved.look(stores);
    if (problem !== undefined) this.#cluster.machines.world.fail(new Error(problem));
  }

  #read({ text }: LogLine): void {
    this.#lines += 1;
    if (forbidden.test(text)) this.#cluster.machines.world.fail(new Error(`a process logged: ${text}`));
  }
}

import type { Entry } from "../replica/entry.js";
import type { ReplicaState } from "../replica/replica-state.js";

/** What a disk holds of one partition. */
export interface DiskPartition {
  readonly entry: Entry;
  /** Null: no replica. */
  readonly replica: ReplicaState | null;
}

/** Everything that a disk holds, by partition. */
export type DiskContent = readonly DiskPartition[];

/** States that a power cut may bring back, with the present one. */
const statesMax = 7;

/**
 * A store's disk in `commit` durability: a killed process loses nothing, a power cut goes back to one of the last states that was not
 * flushed, whole transactions as they are in the engine's log.
 */
export class Disk {
  #states: DiskContent[];

  constructor(content: DiskContent) {
    this.#states = [content];
  }

  get content(): DiskContent {
    return this.#states.at(-1) as DiskContent;
  }

  partition(partition: number): DiskPartition {
    return this.content[partition] as DiskPartition;
  }

  /** One transaction. */
  write(partition: number, change: Partial<DiskPartition>): void {
    this.#states.push(this.content.with(partition, { ...this.partition(partition), ...change }));
    if (this.#states.length > statesMax) this.#states.shift();
  }

  /** What a power cut that loses so many transactions leaves. */
  before(transactions: number): DiskContent {
    return this.#states[Math.max(0, this.#states.length - 1 - transactions)] as DiskContent;
  }

  /** Makes what is there survive a power cut. */
  flush(): void {
    this.#states = [this.content];
  }
}

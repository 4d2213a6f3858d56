import type { StorageEngine } from "../../../services/core/ports/storage-engine.js";
import type { Partition } from "../../../services/core/store/partition.js";
import { type DataImage, findDifference, imageOf } from "./data.js";

/** A store's partitions and its disk. */
export interface MovingStore {
  readonly storeId: string;
  readonly partitions: readonly Pick<
    Partition,
    "id" | "epoch" | "generation" | "releasedEpoch" | "readable"
  >[];
  readonly disk: Pick<StorageEngine, "range">;
}

interface Released {
  readonly epoch: number;
  readonly image: DataImage;
  readonly by: string;
}

/** Watches every hand-off: what the new owner begins with is what the old one released. */
export class MovedDataChecker {
  readonly #released = new Map<number, Released>();
  /** Of each partition, the epoch up to which hand-offs were compared: a source may not know yet that it is over. */
  readonly #comparedEpoch = new Map<number, number>();
  /** Hand-offs compared. */
  compared = 0;

  /** Looks at every store, after every happening. Returns what is wrong. */
  look(stores: readonly MovingStore[]): string | undefined {
    for (const { storeId, partitions, disk } of stores) {
      for (const { id, epoch, generation, releasedEpoch, readable } of partitions) {
        const known = this.#released.get(id);
        if (releasedEpoch === epoch && epoch > 0 && generation !== undefined && this.#isNew(id, epoch)) {
          this.#released.set(id, { epoch, image: imageOf(disk, id, generation), by: storeId });
        }
        if (!known || !readable || generation === undefined || epoch <= known.epoch) continue;
        this.#released.delete(id);
        this.#comparedEpoch.set(id, epoch);
        // The source itself goes on after a rollback: nothing was written in between either.
        const difference = findDifference(known.image, imageOf(disk, id, generation));
        this.compared += 1;
        if (difference !== undefined) {
          return `partition ${id} came from ${known.by} to ${storeId} at epoch ${epoch}, but ${difference}`;
        }
      }
    }
    return undefined;
  }

  #isNew(partition: number, epoch: number): boolean {
    return (
      this.#released.get(partition)?.epoch !== epoch && (this.#comparedEpoch.get(partition) ?? 0) < epoch
    );
  }
}

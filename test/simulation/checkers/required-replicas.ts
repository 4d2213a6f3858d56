import type { Partition } from "../../../services/core/store/partition.js";
import type { Version } from "../../../services/core/topology.js";

/** A store and what its partitions' followers have acknowledged. */
export interface AcknowledgingStore {
  readonly storeId: string;
  readonly partitions: readonly {
    readonly id: Partition["id"];
    readonly epoch: Partition["epoch"];
    readonly entry: { readonly primary: { readonly storeId: string } | undefined } | undefined;
    readonly follower: { readonly required: boolean; readonly ackedSeq: number } | undefined;
  }[];
}

interface Acknowledged {
  readonly atUs: number;
  readonly ackedSeq: number;
}

/** Watches that no write is acknowledged which a replica that acknowledgements need does not have. */
export class RequiredReplicasChecker {
  /** By partition and epoch: since the replica is required, what it has acknowledged, oldest first. */
  readonly #known = new Map<string, Acknowledged[]>();

  look(nowUs: number, stores: readonly AcknowledgingStore[]): void {
    for (const { storeId, partitions } of stores) {
      for (const { id, epoch, entry, follower } of partitions) {
        if (entry?.primary?.storeId !== storeId) continue;
        const name = `${id}/${epoch}`;
        const known = this.#known.get(name);
        if (!follower?.required) {
          // A higher epoch is in force: it is needed no more.
          if (known && known.at(-1)?.ackedSeq !== Infinity) known.push({ atUs: nowUs, ackedSeq: Infinity });
          continue;
        }
        if (known === undefined) this.#known.set(name, [{ atUs: nowUs, ackedSeq: follower.ackedSeq }]);
        else if (known.at(-1)?.ackedSeq !== follower.ackedSeq)
          known.push({ atUs: nowUs, ackedSeq: follower.ackedSeq });
      }
    }
  }

  /** A write was acknowledged by an answer that left the store at `sentUs`. Returns what is wrong. */
  acknowledged(partition: number, { epoch, seq }: Version, sentUs: number): string | undefined {
    const known = this.#known.get(`${partition}/${epoch}`);
    const first = known?.[0];
    // At the very moment of READY it may have been acknowledged before.
    if (known === undefined || first === undefined || first.atUs >= sentUs) return undefined;
    const last = known.findLast(({ atUs }) => atUs <= sentUs);
    if (last === undefined || last.ackedSeq >= seq) return undefined;
    return `write ${epoch}.${seq} of partition ${partition} was acknowledged when the target had ${last.ackedSeq}`;
  }
}

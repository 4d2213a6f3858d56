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
  /** By partition: what its target has acknowledged, oldest first; Infinity while acknowledgements need none. */
  readonly #known = new Map<number, Acknowledged[]>();

  /** Looks at every store, after every happening. */
  look(nowUs: number, stores: readonly AcknowledgingStore[]): void {
    const owners = new Map<number, { readonly epoch: number; readonly ackedSeq: number }>();
    for (const { storeId, partitions } of stores) {
      for (const { id, epoch, entry, follower } of partitions) {
        if (entry?.primary?.storeId !== storeId || epoch < (owners.get(id)?.epoch ?? 0)) continue;
        owners.set(id, { epoch, ackedSeq: follower?.required ? follower.ackedSeq : Infinity });
      }
    }
    for (const [id, { ackedSeq }] of owners) {
      const known = this.#known.get(id);
      if (known === undefined) this.#known.set(id, [{ atUs: nowUs, ackedSeq }]);
      else if (known.at(-1)?.ackedSeq !== ackedSeq) known.push({ atUs: nowUs, ackedSeq });
    }
  }

  /** A write was acknowledged by an answer that left the store at `sentUs`. Returns what is wrong. */
  acknowledged(partition: number, { epoch, seq }: Version, sentUs: number): string | undefined {
    const known = this.#known.get(partition) ?? [];
    const at = known.findLastIndex(({ atUs }) => atUs <= sentUs);
    const last = known[at];
    if (last === undefined || last.ackedSeq >= seq) return undefined;
    // At the very moment of READY it may have been acknowledged before.
    if (last.atUs === sentUs && known[at - 1]?.ackedSeq === Infinity) return undefined;
    return `write ${epoch}.${seq} of partition ${partition} was acknowledged when the target had ${last.ackedSeq}`;
  }
}

import type { ReplicaState } from "../replica/replica-state.js";

/** Which writes were ever on a store's disk. */
export class StoredWrites {
  readonly #names = new Set<string>();

  has(store: number, partition: number, name: string): boolean {
    return this.#names.has(`${store} ${partition} ${name}`);
  }

  add(store: number, partition: number, { lineage }: ReplicaState): void {
    // A lineage grows at its end; what it had before was added with a former state, or comes with a sync.
    for (let at = lineage.length - 1; at >= 0; at -= 1) {
      const name = `${store} ${partition} ${lineage[at] ?? ""}`;
      if (this.#names.has(name)) break;
      this.#names.add(name);
    }
  }
}

import type { StoreId } from "./ids.js";

/**
 * The stores that take part in a migration (the paper's SharedStringVector, section 5.3): an operation that shares a
 * store with one on the list waits. A store added twice must be removed twice.
 */
export class MigratingList {
  readonly #counts = new Map<StoreId, number>();

  add(storeId: StoreId): void {
    this.#counts.set(storeId, (this.#counts.get(storeId) ?? 0) + 1);
  }

  /** Every store on the list, once. */
  getAll(): StoreId[] {
    return [...this.#counts.keys()];
  }

  have(storeId: StoreId): boolean {
    return this.#counts.has(storeId);
  }

  /** Takes a store off the list, once. Returns whether it was on it. */
  remove(storeId: StoreId): boolean {
    const count = this.#counts.get(storeId);
    if (count === undefined) return false;
    if (count === 1) this.#counts.delete(storeId);
    else this.#counts.set(storeId, count - 1);
    return true;
  }
}

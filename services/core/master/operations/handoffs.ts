import type { MoveId, StoreId } from "../../ids.js";
import type { MoveRecord } from "../state/records.js";

/**
 * Which of the moves whose copy is complete are to hand over now, the others wait: calls of a partition wait while it is
 * handed over, and for no longer than it takes if few are at it at once. Kept in memory only: an order that a restarted
 * master has forgotten is given again.
 */
export class Handoffs {
  readonly #waiting = new Map<MoveId, MoveRecord>();
  readonly #ordered = new Map<MoveId, MoveRecord>();
  readonly #orderedOfStore = new Map<StoreId, number>();

  /** Takes note of a move's newest record. */
  note(move: MoveRecord): void {
    if (move.step.kind !== "transfer-primary") this.forget(move.id);
    else if (!this.#ordered.has(move.id)) this.#waiting.set(move.id, move);
  }

  forget(id: MoveId): void {
    this.#waiting.delete(id);
    const move = this.#ordered.get(id);
    if (move === undefined) return;
    this.#ordered.delete(id);
    this.#count(move, -1);
  }

  /** Whether the move is to hand over now. */
  isOrdered(id: MoveId): boolean {
    return this.#ordered.has(id);
  }

  /** Hand-offs that a store takes part in now. */
  orderedOfStore(storeId: StoreId): number {
    return this.#orderedOfStore.get(storeId) ?? 0;
  }

  /** Takes the moves that may begin to hand over, the longest waiting first. */
  take(mayOrder: (copierId: StoreId, targetId: StoreId) => boolean): readonly MoveId[] {
    const taken: MoveId[] = [];
    for (const [id, move] of this.#waiting) {
      if (!mayOrder(move.copierId, move.targetId)) continue;
      this.#waiting.delete(id);
      this.#ordered.set(id, move);
      this.#count(move, 1);
      taken.push(id);
    }
    return taken;
  }

  /** A store is down: its hand-offs wait for it, and keep nobody else's from going on. */
  suspend(storeId: StoreId): void {
    for (const [id, move] of this.#ordered) {
      if (move.copierId !== storeId && move.targetId !== storeId) continue;
      this.forget(id);
      this.#waiting.set(id, move);
    }
  }

  #count({ copierId, targetId }: MoveRecord, by: 1 | -1): void {
    for (const storeId of [copierId, targetId])
      this.#orderedOfStore.set(storeId, this.orderedOfStore(storeId) + by);
  }
}

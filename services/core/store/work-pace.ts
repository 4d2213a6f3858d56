import { limits } from "../limits.js";

/** Least and most that a piece of background work may take of a turn of the event loop, in milliseconds. */
const pieceMsMin = 2;
const pieceMsMax = 4;
/** Items of the first piece, before any cost is known, and of the least and the largest. */
const itemsFirst = 64;
const itemsMin = 16;

/**
 * Sizes the pieces of background work by what they cost, one piece a turn of the event loop. A piece takes about as
 * long as the callers' work of the turn, within 2 to 4 ms: so the work gets up to half of a busy store's time, however
 * much there is to do, and no call waits much longer than 4 ms for it.
 */
export class WorkPace {
  #items = itemsFirst;

  /** Items of the next piece. */
  get items(): number {
    return this.#items;
  }

  /**
   * Takes what a piece cost.
   *
   * @param items how many it had
   * @param spentMs time of the event loop that it took, in milliseconds
   * @param othersMs time that everything else in the turn took
   */
  took(items: number, spentMs: number, othersMs: number): void {
    if (items === 0) return;
    const wantedMs = Math.min(Math.max(othersMs, pieceMsMin), pieceMsMax);
    const fitting = spentMs > 0 ? Math.floor((items * wantedMs) / spentMs) : limits.backgroundItemsMax;
    // A few cheap items say little about many.
    const most = Math.min(2 * this.#items, limits.backgroundItemsMax);
    this.#items = Math.max(itemsMin, Math.min(fitting, most));
  }
}

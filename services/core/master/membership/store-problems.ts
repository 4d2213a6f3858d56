import type { StoreId } from "../../ids.js";
import { limits } from "../../limits.js";
import { masterLimits } from "../options.js";

/**
 * Where a problem was seen. `itself`: the store reports it with its heartbeats. `silence`: it sends none, and the master
 * cannot record that it is down.
 */
export type ProblemSource = "down" | "registration" | "launch" | "itself" | "silence";

interface Found {
  readonly texts: readonly string[];
  /** Monotonic. */
  readonly atMs: number;
}

/**
 * What is wrong with each store, in words for operators. Nothing is decided by it and none of it is persisted: after a
 * restart of the master the stores say it again.
 */
export class StoreProblems {
  readonly #found = new Map<StoreId, Map<ProblemSource, Found>>();

  /** Replaces what one source says of a store; no texts: all is well. The name need not be a member's. */
  set(storeId: StoreId, source: ProblemSource, texts: readonly string[], nowMs: number): void {
    const known = this.#found.get(storeId);
    if (texts.length === 0) {
      known?.delete(source);
      if (known?.size === 0) this.#found.delete(storeId);
      return;
    }
    const sources = known ?? new Map<ProblemSource, Found>();
    sources.set(source, { texts, atMs: nowMs });
    this.#found.set(storeId, sources);
    // Anybody may be refused under any name: the oldest names make room.
    const [oldest] = this.#found.keys();
    if (this.#found.size > 2 * limits.storesMax && oldest !== undefined) this.#found.delete(oldest);
  }

  /** Forgets a store: it registered anew, or is no member any more. */
  forget(storeId: StoreId): void {
    this.#found.delete(storeId);
  }

  /** The names with problems, members or not. */
  storeIds(): readonly StoreId[] {
    return [...this.#found.keys()];
  }

  /**
   * What is wrong with a store, most telling first. Of a store that is alive a refused registration is another process
   * under its name: it is shown for a minute.
   */
  of(storeId: StoreId, alive: boolean, nowMs: number): readonly string[] {
    const sources = this.#found.get(storeId);
    const refused = sources?.get("registration");
    const isFresh = refused !== undefined && nowMs - refused.atMs <= masterLimits.refusalShownMs;
    return [
      ...(!alive || isFresh ? (refused?.texts ?? []) : []),
      ...(sources?.get("launch")?.texts ?? []),
      ...(sources?.get("itself")?.texts ?? []),
      ...(sources?.get("silence")?.texts ?? []),
      ...(alive ? [] : (sources?.get("down")?.texts ?? [])),
    ];
  }
}

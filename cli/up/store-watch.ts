import { setTimeout as delay } from "node:timers/promises";
import type { AdminClient } from "../../client/admin.js";
import { EkvError } from "../../services/core/errors.js";
import type { StoreInfo } from "../../services/gen/elastickv/v1/master.js";

/** Milliseconds between two looks at the stores. */
const lookEveryMs = 1000;
const lookTimeoutMs = 5000;

type Known = Pick<StoreInfo, "storeId" | "alive" | "incarnation" | "problems">;

/** What an operator should read about the stores that changed between two looks, a line each. */
export function describeChanges(before: readonly Known[], after: readonly Known[]): string[] {
  const known = new Map(before.map((store) => [store.storeId, store]));
  const lines: string[] = [];
  for (const { storeId, alive, incarnation, problems } of after) {
    const former = known.get(storeId);
    if (former === undefined) continue;
    const reason = problems.length === 0 ? "" : `: ${problems.join("; ")}`;
    if (former.alive && !alive) lines.push(`${storeId} is down${reason}`);
    else if (!former.alive && alive) lines.push(`${storeId} is up again.`);
    else if (alive && former.incarnation !== incarnation) lines.push(`${storeId} was started again.`);
    else if (former.problems.join() !== problems.join() && problems.length > 0)
      lines.push(`${storeId}${reason}`);
  }
  return lines;
}

/** What {@link watchStores} works with. */
export interface StoreWatchOptions {
  readonly admin: AdminClient;
  /** The stores as they were announced. */
  readonly first: readonly Known[];
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
  /** Called before each look. */
  readonly look: () => Promise<void>;
}

/** Notes every store that goes down or comes back, until `signal` is aborted. */
export async function watchStores({ admin, first, signal, note, look }: StoreWatchOptions): Promise<void> {
  let known = first;
  while (!signal.aborted) {
    await look();
    await delay(lookEveryMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      const { stores } = await admin.listStores({}, { deadlineMs: lookTimeoutMs, signal });
      for (const line of describeChanges(known, stores)) note(line);
      known = stores;
    } catch (error) {
      // The master is away: whoever runs it says so. The next look shows what happened meanwhile.
      if (!(error instanceof EkvError)) throw error;
    }
  }
}

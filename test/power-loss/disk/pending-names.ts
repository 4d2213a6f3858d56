import type { EntryChange, FileNumber } from "./history.js";

interface Pending {
  readonly at: number;
  readonly change: EntryChange;
}

function namesOf(change: EntryChange): readonly string[] {
  return change.kind === "rename" ? [change.from, change.to] : [change.name];
}

/**
 * A folder's entries when the power goes. Changes of one name arrive in their order, a rename on both names or on neither; changes
 * of different names are independent.
 */
export class PendingNames {
  readonly #durable: Map<string, FileNumber>;
  #pending: Pending[] = [];

  constructor(durable: ReadonlyMap<string, FileNumber>) {
    this.#durable = new Map(durable);
  }

  get pending(): number {
    return this.#pending.length;
  }

  change(at: number, change: EntryChange): void {
    this.#pending.push({ at, change });
  }

  /** What happened before the event of that number is durable now. */
  settle(before: number): void {
    const settled = this.#pending.filter(({ at }) => at < before);
    for (const { change } of settled) apply(this.#durable, change);
    this.#pending = this.#pending.slice(settled.length);
  }

  /** The entries when of the pending changes those arrived that `arrives` picks, and whose predecessors arrived. */
  arrived(arrives: (index: number) => boolean): Map<string, FileNumber> {
    const names = new Map(this.#durable);
    const stuck = new Set<string>();
    this.#pending.forEach(({ change }, index) => {
      const concerned = namesOf(change);
      if (arrives(index) && !concerned.some((name) => stuck.has(name))) apply(names, change);
      else for (const name of concerned) stuck.add(name);
    });
    return names;
  }
}

function apply(names: Map<string, FileNumber>, change: EntryChange): void {
  if (change.kind === "create") names.set(change.name, change.file);
  else if (change.kind === "remove") names.delete(change.name);
  else {
    const file = names.get(change.from);
    names.delete(change.from);
    if (file !== undefined) names.set(change.to, file);
  }
}

import type { Chain } from "./chain.js";
import type { Content } from "./content.js";

interface Mark {
  readonly at: number;
  readonly batches: number;
}

/** After how many batches a content may be the one that is there, those that were refused counted too. */
export interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** The batches whose content was found. */
export interface Found {
  /** Those batches, without the refused ones. */
  readonly chain: Chain;
  /** How many of them were durable by what was promised. */
  readonly durable: number;
  /** How many batches had been handed in until the last of them, the refused ones included. */
  readonly handed: number;
  /** Those that are not there, by their numbers from 0 on. */
  readonly missing: ReadonlySet<number>;
  /** No batch is there that was refused later than the moment that was looked at. */
  readonly isPlain: boolean;
}

/** What one process promised about its batches, at each moment of the disk's history. */
export class Promised {
  /** The event from which on it counts. */
  readonly from: number;
  /** Every batch that was handed in. */
  readonly chain: Chain;
  readonly #handed: Mark[];
  readonly #kept: Mark[];
  readonly #durable: Mark[];
  /** Batches that are neither acknowledged nor refused. */
  readonly #open = new Set<number>();
  /** When batches were refused: from then on they must not be there. */
  readonly #refusedAt = new Map<number, number>();
  /** Of the open ones, those that somebody saw. */
  readonly #seen = new Set<number>();

  /** `found`: after how many batches it was the content that the process began with; `durable` of them were so before. */
  constructor(from: number, chain: Chain, found: number, durable: number) {
    this.from = from;
    this.chain = chain;
    this.#handed = [{ at: from, batches: found }];
    this.#kept = [{ at: from, batches: found }];
    this.#durable = [{ at: from, batches: durable }];
  }

  /** Batches that the engine was given: no more can be there. */
  get handed(): number {
    return this.#handed.at(-1)?.batches ?? 0;
  }

  /** Batches that a killed process leaves behind. */
  get kept(): number {
    return this.#kept.at(-1)?.batches ?? 0;
  }

  /** Batches that survive a power cut. */
  get durable(): number {
    return this.#durable.at(-1)?.batches ?? 0;
  }

  /** The last batch of the chain was handed in. */
  hand(at: number): void {
    this.#open.add(this.chain.length - 1);
    raise(this.#handed, at, this.chain.length);
  }

  /** A batch, by its number from 0 on, was acknowledged. */
  settle(number: number): void {
    this.#open.delete(number);
  }

  /** The outcome of a batch is not known: it may be there or not. */
  forget(number: number): void {
    this.#open.delete(number);
    this.#refusedAt.set(number, Infinity);
  }

  /** A batch was refused: it must not be there. Throws when it was seen. */
  refuse(at: number, number: number): void {
    this.#open.delete(number);
    if (this.#seen.has(number)) throw new Error(`batch ${number} was seen, and refused after that`);
    this.#refusedAt.set(number, at);
  }

  /** The process is killed: nobody will hear of what is under way. `hasFailures`: the disk refused something before. */
  end(hasFailures: boolean): void {
    // A batch that failed is not there, or still is, and a later one may be there without it.
    for (const number of this.#open) {
      if (hasFailures || number < this.kept) this.#refusedAt.set(number, Infinity);
    }
    this.#open.clear();
  }

  /** Somebody read that content. */
  see({ handed, missing }: Found): void {
    for (const number of this.#open) if (number < handed && !missing.has(number)) this.#seen.add(number);
  }

  keep(at: number, batches: number): void {
    raise(this.#kept, at, batches);
  }

  makeDurable(at: number, batches: number): void {
    raise(this.#kept, at, batches);
    raise(this.#durable, at, batches);
  }

  /** What has to be there, and what can be, when the process is killed, or the power goes, at that event. */
  boundsAt(at: number, isKill: boolean): Bounds {
    return { least: valueAt(isKill ? this.#kept : this.#durable, at), most: valueAt(this.#handed, at) };
  }

  /** Of which batches this is the content, at an event; undefined: of none that may be there. */
  find(actual: Content, { least, most }: Bounds, at: number): Found | undefined {
    for (const missing of this.#missingAt(at)) {
      const chain = this.#without(missing);
      const before = (batches: number): number =>
        batches - [...missing].filter((number) => number < batches).length;
      const length = chain.find(actual, before(least), before(most));
      if (length === undefined) continue;
      let handed = length;
      while (before(handed) < length) handed += 1;
      const isPlain = missing.size === this.#refusedAt.size;
      const durable = Math.min(length, before(this.durable));
      return { chain: chain.first(length), durable, handed, missing, isPlain };
    }
    return undefined;
  }

  /** Why {@link find} finds nothing. */
  explain(actual: Content, { least, most }: Bounds, at: number): string {
    const [missing = new Set<number>()] = this.#missingAt(at);
    const chain = this.#without(missing);
    const refused = missing.size > 0 ? ` (numbers are without ${missing.size} refused ones)` : "";
    return chain.explain(actual, least - missing.size, most) + refused;
  }

  /**
   * Batches that are not there: those that were refused by then. One that was under way and refused later, or whose process ended, may
   * be there or not; of such, some in a row.
   */
  *#missingAt(at: number): IterableIterator<ReadonlySet<number>> {
    const refused = [...this.#refusedAt.keys()].filter((number) => (this.#refusedAt.get(number) ?? 0) <= at);
    const later = [...this.#refusedAt.keys()].filter((number) => !refused.includes(number));
    const failing = [...this.#open].filter((number) => number < this.kept);
    const optional = [...later, ...failing].toSorted((a, b) => a - b);
    yield new Set([...refused, ...optional]);
    for (let first = 0; first < optional.length; first += 1) {
      for (let end = optional.length; end > first; end -= 1) {
        yield new Set([...refused, ...optional.slice(0, first), ...optional.slice(end)]);
      }
    }
  }

  #without(missing: ReadonlySet<number>): Chain {
    return missing.size === 0 ? this.chain : this.chain.without(missing);
  }
}

function raise(marks: Mark[], at: number, batches: number): void {
  if (batches > (marks.at(-1)?.batches ?? 0)) marks.push({ at, batches });
}

function valueAt(marks: readonly Mark[], at: number): number {
  return marks.findLast((mark) => mark.at <= at)?.batches ?? 0;
}

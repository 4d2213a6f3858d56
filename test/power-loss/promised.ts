import type { Chain } from "./chain.js";

interface Mark {
  readonly at: number;
  readonly batches: number;
}

/** After how many batches a content may be the one that is there. */
export interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** What one process promised about its batches, at each moment of the disk's history. */
export class Promised {
  /** The event from which on it counts. */
  readonly from: number;
  readonly chain: Chain;
  readonly #handed: Mark[];
  readonly #kept: Mark[];
  readonly #durable: Mark[];

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

  hand(at: number, batches: number): void {
    raise(this.#handed, at, batches);
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
}

function raise(marks: Mark[], at: number, batches: number): void {
  if (batches > (marks.at(-1)?.batches ?? 0)) marks.push({ at, batches });
}

function valueAt(marks: readonly Mark[], at: number): number {
  return marks.findLast((mark) => mark.at <= at)?.batches ?? 0;
}

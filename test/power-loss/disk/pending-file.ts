import type { ContentChange } from "./history.js";

/** What a disk writes as a whole: half of one never arrives. */
export const sectorBytes = 512;

interface Pending {
  /** The event's number. */
  readonly at: number;
  readonly change: ContentChange;
}

/** How far each part of a file got: how many of its pending changes, from the first on, reached it. */
export interface Arrival {
  /** Changes that a sector has. A later content of a sector always holds the earlier changes of it. */
  sector(index: number): number;
  readonly size: number;
  /**
   * What a sector after the first holds that no change reached and that the file was not long enough for; undefined: zeros. A whole
   * file of former times is more than a disk makes up.
   */
  readonly stale?: Uint8Array | undefined;
  /** How many bytes of the last change arrived at most: a killed process may have written a first part. Default: all. */
  readonly lastBytes?: number | undefined;
}

/** A file when the power goes: what is durable of it, and the changes since, of which any part may have arrived. */
export class PendingFile {
  #durable: Buffer;
  #pending: Pending[] = [];

  constructor(durable: Uint8Array = new Uint8Array()) {
    this.#durable = Buffer.from(durable);
  }

  /** How many changes are not durable. */
  get pending(): number {
    return this.#pending.length;
  }

  get durable(): Uint8Array {
    return this.#durable;
  }

  change(at: number, change: ContentChange): void {
    this.#pending.push({ at, change });
  }

  /** A change that is not durable yet. */
  pendingChange(index: number): ContentChange | undefined {
    return this.#pending[index]?.change;
  }

  /** What happened before the event of that number is durable now. */
  settle(before: number): void {
    const settled = this.#pending.filter(({ at }) => at < before).length;
    if (settled === 0) return;
    const size = this.sizes(settled).at(-1) ?? 0;
    this.#durable = this.arrived({ sector: () => settled, size });
    this.#pending = this.#pending.slice(settled);
  }

  /** The sizes that the file had, from the durable one on, until after the first `changes` pending ones. */
  sizes(changes: number = this.pending): number[] {
    const sizes = [this.#durable.length];
    for (const { change } of this.#pending.slice(0, changes)) {
      const former = sizes.at(-1) ?? 0;
      sizes.push(
        change.kind === "truncate" ? change.size : Math.max(former, change.position + change.bytes.length),
      );
    }
    return sizes;
  }

  /** The sectors that pending changes concern: all up to the largest size. */
  sectors(): number {
    return Math.ceil(Math.max(...this.sizes()) / sectorBytes);
  }

  /** The file's content when so much had arrived. */
  arrived(arrival: Arrival): Buffer {
    const end = Math.max(arrival.size, this.sectors() * sectorBytes);
    const bytes = Buffer.alloc(end);
    bytes.set(this.#durable);
    const reached = new Set<number>();
    this.#pending.forEach(({ change }, index) => {
      const extent = extentOf(change, end);
      const isLast = index === this.pending - 1;
      const from = extent.from;
      const to = isLast ? Math.min(extent.to, from + (arrival.lastBytes ?? Infinity)) : extent.to;
      for (let sector = Math.floor(from / sectorBytes); sector * sectorBytes < to; sector += 1) {
        if (arrival.sector(sector) <= index) continue;
        reached.add(sector);
        const first = Math.max(from, sector * sectorBytes);
        const last = Math.min(to, (sector + 1) * sectorBytes);
        if (change.kind === "truncate") bytes.fill(0, first, last);
        else bytes.set(change.bytes.subarray(first - from, last - from), first);
      }
    });
    const firstFree = Math.max(1, Math.ceil(this.#durable.length / sectorBytes));
    for (let sector = firstFree; sector * sectorBytes < end; sector += 1) {
      const first = sector * sectorBytes;
      if (arrival.stale && !reached.has(sector)) {
        bytes.set(arrival.stale.subarray(first, first + sectorBytes), first);
      }
    }
    return bytes.subarray(0, arrival.size);
  }
}

/** The bytes that a change concerns, in a file that is nowhere longer than `end`. */
export function extentOf(change: ContentChange, end: number): { from: number; to: number } {
  return change.kind === "write"
    ? { from: change.position, to: change.position + change.bytes.length }
    : { from: change.size, to: Math.max(change.size, end) };
}

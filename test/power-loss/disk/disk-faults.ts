import type { SeededRandom } from "../../simulation/world/random.js";

/** What a disk may refuse. */
export type DiskCall = "write" | "truncate" | "sync" | "create" | "rename" | "remove" | "folder sync";

/** How a disk is doing: `full` has no room for more, `failing` answers some calls with an I/O error. */
export type DiskHealth = "well" | "full" | "failing";

/** The share of the calls that fail. */
const shares: Readonly<Record<DiskHealth, Readonly<Partial<Record<DiskCall, number>>>>> = {
  well: {},
  full: { write: 0.8, create: 0.8 },
  failing: {
    write: 0.2,
    truncate: 0.1,
    sync: 0.05,
    create: 0.3,
    rename: 0.3,
    remove: 0.3,
    "folder sync": 0.05,
  },
};

/** Decides which calls of one process fail, and how many bytes a failed write brings to the file nevertheless. */
export class DiskFaults {
  health: DiskHealth = "well";
  readonly #random: SeededRandom;
  readonly #failed = new Map<DiskCall, number>();

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** How many calls failed, of each kind. */
  get failed(): ReadonlyMap<DiskCall, number> {
    return this.#failed;
  }

  /** The system's error for this call; undefined: it goes well. */
  draw(call: DiskCall, name: string): Error | undefined {
    if (!this.#random.chance(shares[this.health][call] ?? 0)) return undefined;
    this.#failed.set(call, (this.#failed.get(call) ?? 0) + 1);
    const code = this.health === "full" ? "ENOSPC" : "EIO";
    return Object.assign(new Error(`${code}: ${call} '${name}'`), { code });
  }

  /** Bytes that reached the file when a write of so many failed: none, a part, or all. */
  bytesWritten(length: number): number {
    const kind = this.#random.below(4);
    if (kind === 0) return 0;
    return kind === 1 ? length : this.#random.below(length + 1);
  }
}
